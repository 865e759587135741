"""The small made lists that names and messages are put together from, in the style of the project's first messages."""

from __future__ import annotations

FIRST_NAMES = """
abel adela adrian agnes aileen alba albin alda alfonso alina amara amos anika ansel arlo astrid aurelio avis barrett
beatriz bela bennett bertha bianca blaise brenda bruno caleb camila carmelo cecilia cedric celine chester clara coby
colette conrad cora dagmar dalia damon daphne delia demetrius desmond dora edith edwin elena elias elmer elsa emil
enrico erna esteban etta evert fabian faye felicita felix fern fiona florian freya friedrich gaston georgia gerda
gideon greta gunnar gwen hadley hana harlan hazel hector heidi hilda hugo ida ignacio ilse imani ines irving isidro
ivy jada jasper joanna joaquin josie judah julien kaia karel katrin keanu kian laila lambert lara leopold lilian
lorine lucio mabel madie magnus mara marcelo mohammed nadia nestor nils noemi oceane olaf olive orlando otis pablo
petra quentin ramona rhea rodrick rosa rufus sabine scottie selma sheldon silas soren stella tamia theo thora ulrich
una vera viggo wanda willard xenia yara zelda
""".split()

LAST_NAMES = """
abbott altenwerth ankunding armstrong auer bahringer balistreri bartell bartoletti batz bauch baumbach bayer beahan
bechtelar beier berge bergstrom bernhard blanda block bode boehm bogan bogisich borer bosco botsford boyer braun brekke
bruen buckridge carroll cartwright casper champlin christiansen collier conn considine cormier corwin crist crona
cronin cummerata cummings dach daugherty davis denesik dickens dicki dooley doyle dubuque durgan ebert effertz emard
fadel fahey farrell feeney feest fisher flatley frami franecki friesen fritsch funk gaylord gerhold gleason goldner
goodwin gorczany grady greenholt grimes gusikowski haag hackett hahn haley halvorson hamill hammes hand hartmann
hauck hayes heaney hegmann heller hermiston herzog hessel hettinger hickle hintz hirthe hodkiewicz homenick
howell huel hyatt jacobi jakubowski jaskolski jenkins johns kautzer keebler kemmer kertzmann kessler kiehn kihn
klein kling koelpin koepp kohler konopelski kreiger kris kub kuhic kunde labadie langosh larkin larson lebsack lemke
lesch lind lockman mante marvin mayert mitchell mosciski nolan paucek russel satterfield schamberger schowalter stanton
turcotte
""".split()

SUBJECTS = (
    "I",
    "The group",
    "This morning i",
    "This morning the group",
    "My neighbour",
    "Yesterday we",
    "A friend of mine",
    "The crew",
    "Last night i",
    "Our team",
    "The old man",
    "Someone",
)

# Per sentiment: the verbs, and the scores that a sentiment lexicon would give such a sentence.
NEUTRAL_VERBS = """
discovered|hunted down|stumbled upon|scavenged|came upon|ate|drank|spoke to|was converted into|walked past|looked at|
signed a paper with|asked about|followed|measured|carried|painted|photographed|waited for|drove to|returned to|
counted|moved|described|heard of|borrowed|wrote to|passed by
""".replace("\n", "").split("|")
POSITIVE_VERBS = """
loved|enjoyed|was delighted by|celebrated with|was thankful for|praised|signed a truce with|happily shared|smiled at|
rescued|proudly presented|was charmed by|recommended|won|treasured|laughed with
""".replace("\n", "").split("|")
NEGATIVE_VERBS = """
hated|complained about|plans to cease fire against|was hurt by|lost|was afraid of|argued with|broke|was robbed by|
refused|was bored by|regretted|cursed|failed to repair|was disappointed by|fled from
""".replace("\n", "").split("|")
POSITIVE_SCORES = (0.6124, 0.4588, 0.4215, 0.5719, 0.6369, 0.2023, 0.7184, 0.34, 0.8316, 0.4939)
NEGATIVE_SCORES = (-0.34, -0.296, -0.4767, -0.5719, -0.1531, -0.6249, -0.4019, -0.7351, -0.5267, -0.25)

ADJECTIVES = """
sweet famous golden mellow red naval municipal nearby local juicy makeshift surgical quiet broken ancient wooden crooked
shiny dusty purple hollow gentle frozen electric rusty silent spotted tiny enormous curious lonely polished
""".split()

NOUNS = """
urgent care|doctor's office|surgical clinic|elephant|oyster|stove|swing|sugar|loquat|crib|clam|lighthouse|bakery|
harbour|violin|caravan|library|tram|greenhouse|umbrella|typewriter|kettle|orchard|windmill|suitcase|goat|sailboat|
pancake|telescope|market|bicycle|fountain|museum|ladder|parrot|blanket|compass|teapot|garage|piano|ferry|lantern|
notebook|bridge|pumpkin|walrus|barn|cellar
""".replace("\n", "").split("|")

# What a careless splitter, parser or terminal trips over, as it stands between the quotes in the JSON: <n> is a number.
AWKWARD = (
    r"The sign said }{ and nothing else, <n> times",
    r"I typed {<n>}{<n>} into the box",
    r"She said \"stop\" and then \"go\" at gate <n>",
    r"The label reads {\"code\": <n>}{\"code\": 0} in small print",
    r"A backslash \\ and a quote \" walk into bar <n>",
    r"First line\nsecond line\ttabbed <n>",
    "The page broke here \u2028 and went on at <n>",
    r"The page broke here \u2028 and here \u2029, <n>",
    "Sent from the beach \U0001f3d6\ufe0f with <n> friends \U0001f600",
    r"Thumbs up \ud83d\udc4d from row <n>",
    "Caf\u00e9 n\u00famero <n>, \u6771\u4eac, \u041c\u043e\u0441\u043a\u0432\u0430",
    r"[<n>] and ]<n>[ and }} and {{",
    r"path\/to\/<n> \u003cb\u003e bold \u003c\/b\u003e",
    r"'single' quotes # and // comments <n>",
)
