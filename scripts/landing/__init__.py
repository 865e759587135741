"""Makes realistic app messages or tweets, delivers them as a Firehose stream would, and says what curation must show.

The way through: `arguments` (what was asked) -> `arrival` (when how many arrive) -> `records` (which are late, unknown,
wrong, copies or damaged), `messages` (what each says, by `tables`) or `tweets` (by `twitter`) -> `objects` (cut,
compressed, put under Firehose's keys) or `firehose` (sent to a real stream) -> `manifest` (the exact counts that
curation must show).

Every message is a function of the content arguments and its number alone, so the bytes do not depend on the number of
workers, and the same messages can be delivered again in other source objects.
"""
