"""Makes realistic app messages and delivers them to a lake as a Firehose stream would, with a manifest of what to expect.

The way through: `arguments` (what was asked) -> `arrival` (when how many arrive) -> `tables` and `messages` (what each one
says, and which are late, unknown, wrong, copies or damaged) -> `objects` (cut, compressed, put under Firehose's keys) or
`firehose` (sent to a real stream) -> `manifest` (the exact counts that curation must show).

Every message is a function of the seed and its number alone, so the bytes do not depend on the number of workers, and
the same messages can be delivered again in other source objects.
"""
