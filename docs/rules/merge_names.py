"""The rule for names: a team title against a group displayName, under a naming policy that changes.

`text` compares bare names under the policy of today. `fix` is the rule: it compares raw names, each
with the last raw name known on that side. The service decorates each displayName that is written,
drops a character class, and cuts. Entra reads lag up to 600 seconds; the lag window is 900 seconds.
The services are truthful here; `lost_renames.py` has those that lose a rename. The product also
remembers the decoration that a group last had, which this file leaves out.

usage: merge_names.py

Prints what went wrong in 20,000 histories of each variant, with an example.
"""

import random, sys

LAG_WINDOW, LAG = 900, 600


def run(seed, mode):
    r = random.Random(seed)
    pol = r.choice(["", "GRP_"])
    hist = []
    bad = {}
    service = lambda n: (
        (pol + n.replace("#", ""))[:20]
        if not n.startswith(pol) or not pol
        else n.replace("#", "")[:20]
    )
    bare = lambda n: n[len(pol) :] if pol and n.startswith(pol) else n
    team = "Alpha"
    hist = [(-1e9, pol + "Alpha", (0, 0, 0))]

    def gset(t, n):
        hist.append((t, n, tuple(r.uniform(0, LAG) for _ in range(3))))

    def gread(t):
        k = r.randrange(3)
        v = None
        for tt, vv, l in hist:
            if tt + l[k] <= t:
                v = vv
        return v

    at, ag = team, (bare(hist[0][1]) if mode == "text" else hist[0][1])
    overlay = None
    raw0, own = hist[0][1], False
    ev = []
    t = 0
    for _ in range(r.randint(1, 3)):
        t += r.uniform(1600, 4000)
        k = r.choice(["team", "group", "policy", "group-edit"])
        ev.append((t, k, r.choice(["Beta", "Gam#ma", "Delta project with a long name", "GRP_x"])))
    end = t + 4000
    syncs = sorted([r.uniform(0, end) for _ in range(40)] + [end + i * 1000 for i in range(4)])
    seq = sorted([(a, "ev", (k, n)) for a, k, n in ev] + [(a, "sync", None) for a in syncs])
    human = None
    ours = []
    acts = 0
    for t, kind, a in seq:
        if kind == "ev":
            k, n = a
            if k == "team":
                team = n
                human = ("team", n)
                acts += 1
            elif k == "group":
                gset(t, service(n))
                human = ("group", hist[-1][1])
                acts += 1
            elif k == "policy":
                pol = r.choice(["", "X-", "GRP_", "ORG."])
            else:
                new = service(bare(hist[-1][1]))
                if new != hist[-1][1]:
                    gset(t, new)
            continue
        raw = gread(t)
        if mode == "text":
            if overlay and t - overlay[2] >= LAG_WINDOW:
                overlay = None
            if overlay and raw in overlay[0]:
                g = bare(overlay[1]) if overlay[1] else at
            else:
                g = bare(raw)
            ct, cg = team != at, g != ag
            if cg:
                overlay = ({raw0}, raw, t)
            if cg:
                if g != team:
                    team = g
                    ours.append((t, "team", g))
                at = ag = g
            elif ct:
                old = raw0
                gset(t, service(team))
                ours.append((t, "group", hist[-1][1]))
                overlay = ({old, raw}, team, t)
                at = ag = team
            raw0 = raw
        else:
            if overlay and t - overlay[1] >= LAG_WINDOW:
                overlay = None
            if overlay and raw in overlay[0]:
                raw = ag if not own else None  # a value the group had in the last 15 minutes
            if own:
                if raw is not None and (overlay is None or raw not in overlay[0]):
                    ag, own = raw, False  # what the service made of our write
                raw = ag if not own else None
            ct, cg = team != at, raw is not None and raw != ag
            if cg:
                overlay = ((overlay[0] if overlay else set()) | {ag}, t)
                if bare(raw) != team:
                    team = bare(raw)
                    ours.append((t, "team", team))
                at, ag = team, raw
            elif ct:
                overlay = ((overlay[0] if overlay else set()) | ({ag} if ag else set()), t)
                own = True
                gset(t, service(team))
                ours.append((t, "group", hist[-1][1]))
                at = team
    if any(
        x[1] == "team" and x[2].startswith(("GRP_", "X-", "ORG.")) and x[2] != "GRP_x" for x in ours
    ):
        bad["decorated name brought to the team"] = 1
    if len(ours) > acts:
        bad["more renames by us than by people"] = 1
    if human and human[0] == "team" and team != human[1]:
        bad["the team's own new name overwritten"] = 1
    return bad, ev, ours


for mode in ("text", "fix"):
    tot, ex = {}, {}
    for s in range(20000):
        b, ev, ours = run(s, mode)
        for k in b:
            tot[k] = tot.get(k, 0) + 1
            ex.setdefault(k, (ev, ours))
    print(mode, tot)
    for k, v in ex.items():
        print("   ", k, v)
