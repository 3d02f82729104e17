"""The merge rule in random histories under services that lie.

Several people with presence and role, a team whose readings are immediate, a group with three
replicas that lag, crashes at every point, owner limits, people who become excluded, the removal
limit, and lies that can be switched on.

`rule*` is the rule, `trusting*` one that believes each answer. `NAME:LIE` adds a lie of
`rule_world.py`, `NAME:all` every lie. `-gap-crash` keeps human acts 25 minutes apart and lets 3 of
10 syncs draw a point to crash at. `-limit` has a removal limit. `misread-*`, and `dense-misread-*`
with human acts close together, are readings of the rule that look right and go wrong. Findings in
brackets are allowed, all others are failures.

usage: merge_rule.py N [CONFIG ...]   |   merge_rule.py story CONFIG SEED   |   merge_rule.py list
"""

import sys
from collections import Counter

from rule_history import History
from rule_options import CONFIGS


def run_many(name, count):
    """Runs histories. Returns findings, the shortest history of each, and what it cost."""
    found, examples, cost = Counter(), {}, Counter()
    for seed in range(count):
        history = History(seed, CONFIGS[name])
        history.run()
        cost += history.cost
        cost["removals"] += sum(after == 0 for *_, after in history.ours)
        cost["additions"] += sum(before == 0 for *_, before, _ in history.ours)
        cost["acts"] += len(history.acts)
        for finding, times in history.bad.items():
            if not times:
                continue
            found[finding] += 1
            if finding not in examples or len(history.acts) < examples[finding][0]:
                examples[finding] = len(history.acts), seed
    return found, examples, cost


def print_many(name, count):
    found, examples, cost = run_many(name, count)
    order = sorted(found, key=lambda finding: (finding[0] == "(", finding))
    findings = [f"{it}: {found[it]} (seed {examples[it][1]})" for it in order]
    costs = [f"{what}={times}" for what, times in cost.items()]
    print(f"{name}: N={count} {'; '.join(findings)} | {' '.join(costs)}", flush=True)


def print_story(name, seed):
    trace = []
    history = History(seed, CONFIGS[name], trace)
    history.run()
    print("\n".join(trace))
    print(dict(history.bad), dict(history.cost))


if __name__ == "__main__":
    if sys.argv[1] == "list":
        print("\n".join(CONFIGS))
    elif sys.argv[1] == "story":
        print_story(sys.argv[2], int(sys.argv[3]))
    else:
        for name in sys.argv[2:] or CONFIGS:
            print_many(name, int(sys.argv[1]))
