"""The options of a history, the lies of the services, and the configurations made of them.

TRUSTING believes each answer of a service. RULE is the rule. What RULE adds, option by option:

confirm       a write is unconfirmed until a reading, not the lag overlay, shows it; not shown
              after the window, it is lost and deferred
tries         a lost write is planned again at once, three tries in all, then by the daily sync
              only; a human change of the same aspect clears it
with_role     what defers a presence defers the role with it
proof         an absence is asked about singly, and believed when a second question, three minutes
              later, agrees ("once": at the first)
unclear       until it is believed the baseline holds, and nothing is planned for that person
denied        an absence that the single question denies makes no entry in the lag overlay
confirm_gone  our own removal is confirmed by the same proof, not by the listing alone
settled       open intents whose value is shown are settled before absences are judged
fresh         a confirmation opens a lag window, because it can be a human act of just now
already       "already a member" and "not there" are answers like any other: unconfirmed
unknown       a write without a known answer comes again after 1, 2, 4 and up to 60 minutes,
              whatever else starts a sync
count         the removal limit counts people, not tries
ends, back    a link ends when object and listings are both 404 for three hours, and comes back
              when one of them answers
"""

LAG, LAG_WINDOW, TEAM_WINDOW = 600, 900, 120
SECOND_QUESTION, OUTAGE, DAY = 180, 3 * 3600, 86400

TRUSTING = dict(
    already="unknown",
    back=False,
    clears=True,
    confirm="answer",
    confirm_gone="listing",
    count="tries",
    denied="dropped",
    ends="object",
    fresh=False,
    gives_up="deferred",
    growth=True,
    lost_after="window",
    proof="account",
    repeat="plan",
    roles="proved",
    settled="last",
    tries=99,
    unclear="waits",
    unknown="30s",
    window="team",
    with_role=False,
)
RULE = {
    **TRUSTING,
    "already": "unconfirmed",
    "back": True,
    "confirm": "reading",
    "confirm_gone": "twice",
    "count": "people",
    "ends": "both",
    "fresh": True,
    "proof": "twice",
    "settled": "first",
    "tries": 3,
    "unknown": "grows",
    "with_role": True,
}
WORLD = dict(
    people=3,
    crash=0.0,
    gap=None,
    owners=99,
    cleared=False,
    restored=False,
    rehired=False,
    removal_limit=None,
    acts=(1, 5),
    lies=(),
)

LIES = ("lost", "short", "single", "contra", "gone", "refuse")
GAP_CRASH = dict(gap=LAG_WINDOW + LAG, crash=0.3)
VARIANTS = {
    "": {},
    "-crash": dict(crash=0.3),
    "-gap-crash": GAP_CRASH,
    "-cleared": dict(cleared=True, crash=0.3),
    "-restored": dict(restored=True),
    "-rehired": dict(rehired=True),
    "-quota": dict(owners=2, crash=0.3),
    "-limit": dict(removal_limit=2, people=4, acts=(2, 5)),
}
LYING = {
    "": {},
    "-gap-crash": GAP_CRASH,
    "-limit": dict(removal_limit=4, people=4, acts=(2, 5)),
}
CONFIGS = {}
for _name, _rule in (("trusting", TRUSTING), ("rule", RULE)):
    for _variant, _world in VARIANTS.items():
        CONFIGS[_name + _variant] = {**_rule, **_world}
    for _lie, _lies in [(lie, (lie,)) for lie in LIES] + [("all", LIES)]:
        for _variant, _world in LYING.items():
            CONFIGS[f"{_name}{_variant}:{_lie}"] = {**_rule, "lies": _lies, **_world}

MISREADINGS = {
    "account-proof": (dict(proof="account"), "short"),
    "asks-once": (dict(proof="once"), "single"),
    "roles-unproved": (dict(roles="unproved"), "short"),
    "denied-in-overlay": (dict(denied="overlay"), "short"),
    "unclear-planned": (dict(unclear="planned"), "short gone"),
    "settled-last": (dict(settled="last"), "short refuse"),
    "overlay-confirms": (dict(confirm="overlay"), "lost"),
    "gone-by-listing": (dict(confirm_gone="listing"), "lost short"),
    "gone-once": (dict(confirm_gone="once"), "lost single"),
    "confirm-is-old": (dict(fresh=False), "lost contra"),
    "already-is-so": (dict(already="so"), "contra"),
    "already-is-unknown": (dict(already="unknown"), "contra"),
    "lost-at-once": (dict(lost_after="at once"), ""),
    "lost-is-an-act": (dict(gives_up="act"), "lost"),
    "lost-is-baseline": (dict(gives_up="baseline"), "lost"),
    "never-gives-up": (dict(tries=99), "lost"),
    "drops-tries": (dict(growth=False), "lost"),
    "repeats-the-call": (dict(repeat="call"), "lost"),
    "not-cleared": (dict(clears=False), "lost"),
    "role-left-behind": (dict(with_role=False), "lost"),
    "unknown-each-30s": (dict(unknown="30s"), "refuse"),
    "counts-tries": (
        dict(count="tries", removal_limit=4, people=4, acts=(2, 5)),
        "lost refuse",
    ),
    "ends-by-object": (dict(ends="object"), "gone"),
    "ends-soon": (dict(ends="both-soon"), "gone"),
    "ends-for-good": (dict(ends="both-soon", back=False), "gone"),
}
for _name, (_options, _lies) in MISREADINGS.items():
    _config = {**RULE, **GAP_CRASH, "lies": tuple(_lies.split()), **_options}
    CONFIGS["misread-" + _name] = _config
    CONFIGS["dense-misread-" + _name] = {**_config, "gap": None}
CONFIGS["team-window-15min:lost"] = {**CONFIGS["rule-gap-crash:lost"], "window": "same"}
CONFIGS["asks-once:all"] = {**CONFIGS["rule-gap-crash:all"], "proof": "once"}
CONFIGS["asks-once"] = {**RULE, "proof": "once"}
