"""The merge rule for one person and presence only.

Webex reads are immediate. Entra has three replicas. Each replica shows a write after a lag of its
own, up to LAG seconds. People change either side. Syncs come from events, from their own schedule,
and twice. A sync can crash before its call, after its call, or after the call with the answer lost.
The rule: one baseline per side, the lag overlay, and write intents.

usage: merge_sim.py [HISTORIES]

Prints what went wrong, for each crash rate, with and without long gaps between human acts.
"""

import heapq, random, sys

LAG_WINDOW, LAG = 900, 600


def run(seed, crash, humans=None, gap=None):
    r = random.Random(seed)
    hist = [(-1e9, False, [0, 0, 0])]
    team = False
    # at, ag: the baseline of the team and of the group
    L = dict(at=False, ag=False, overlay=None, intents=[], lease=0)
    ours, acts, log = [], [], []
    ev, n = [], 0

    def push(t, kind, a=None):
        nonlocal n
        n += 1
        heapq.heappush(ev, (t, n, kind, a))

    t0 = 0.0
    for _ in range(humans or r.randint(1, 4)):
        t0 += r.uniform(5, 1500) if gap is None else gap + r.uniform(0, 600)
        push(t0, "human", (r.choice(["team", "group"]), r.random() < 0.5))
    end = t0 + 4 * 3600
    for k in range(0, int(end), 4 * 3600):
        push(k + r.uniform(0, 3600), "sync", "daily")
    push(end, "sync", "final")
    push(end + 1200, "sync", "final")
    push(end + 2400, "sync", "final")

    def gset(t, v):
        hist.append((t, v, [r.uniform(0, LAG) for _ in range(3)]))

    def gread(t):
        k = r.randrange(3)
        v = False
        for i, (tt, vv, l) in enumerate(hist):
            if tt + l[k] <= t:
                v = vv
        return v

    while ev:
        t, _, kind, a = heapq.heappop(ev)
        if kind == "human":
            side, v = a
            if side == "team" and team != v:
                team = v
                acts.append((t, side, v))
                push(t + r.uniform(0.5, 5), "sync", "event")
            elif side == "group" and hist[-1][1] != v:
                gset(t, v)
                acts.append((t, side, v))
                push(t + r.uniform(1, 20), "sync", "event")
            continue
        if t < L["lease"]:
            push(L["lease"] + 1, "sync", a)
            continue
        L["lease"] = 0
        T, G = team, gread(t)
        if L["overlay"] and t - L["overlay"][1] >= LAG_WINDOW:
            L["overlay"] = None
        keep = []
        for side, v, st, sg, at in L["intents"]:
            if (T if side == "team" else G) == v:
                L["at"], L["ag"] = (v, sg) if side == "team" else (st, v)
                if side == "group":
                    L["overlay"] = (v, at)
            elif side == "group" and t - at < LAG_WINDOW:
                keep.append((side, v, st, sg, at))
        L["intents"] = keep
        if L["overlay"]:
            G = L["overlay"][0]
        ct, cg = T != L["at"], G != L["ag"]
        write = None
        if cg and not (L["overlay"] and L["overlay"][0] == G):
            L["overlay"] = (G, t)  # first seen; an overlaid value never renews it
        if ct and not cg:
            write = ("group", T)
        elif cg and not ct:
            write = ("team", G)
        elif ct and cg:
            L["at"], L["ag"] = T, G  # both changed: with one bit they are equal now
        if write:
            L["intents"].append((write[0], write[1], T, G, t))
            c = r.random() < crash and r.choice(["before", "after"])
            if c == "before":
                L["lease"] = t + 60
                push(t + 61, "sync", "redelivery")
                continue
            if write[0] == "group":
                if hist[-1][1] != write[1]:
                    gset(t, write[1])
                    ours.append((t, *write))
                    push(t + r.uniform(1, 20), "sync", "event")
            elif team != write[1]:
                team = write[1]
                ours.append((t, *write))
                push(t + r.uniform(0.5, 5), "sync", "event")
            if c == "after":
                L["lease"] = t + 60
                push(t + 61, "sync", "redelivery")
                continue
            L["at"] = L["ag"] = write[1]
            L["intents"] = [i for i in L["intents"] if not (i[0] == write[0])]
            if write[0] == "group":
                L["overlay"] = (write[1], t)
        elif a == "event" and not L["overlay"] and not L["intents"]:
            push(t + 120, "sync", "confirm")
        times = [x[4] for x in L["intents"]] + ([L["overlay"][1]] if L["overlay"] else [])
        if times and t < end:
            push(max(times) + LAG_WINDOW + 1, "sync", "due")
    last = acts[-1] if acts else None
    settled = not last or len(acts) < 2 or last[0] - acts[-2][0] > LAG_WINDOW + LAG
    return dict(
        equal=team == hist[-1][1],
        right=not last or team == last[2],
        settled=settled,
        ours=ours,
        acts=acts,
    )


if __name__ == "__main__":
    N = int(sys.argv[1]) if len(sys.argv) > 1 else 20000
    for gap in (None, LAG_WINDOW + LAG):
        for crash in (0, 0.3):
            rs = [run(s, crash, gap=gap) for s in range(N)]
            unequal = sum(not x["equal"] for x in rs)
            lost_quiet = sum(x["settled"] and not x["right"] for x in rs)
            lost = sum(not x["right"] for x in rs)
            extra = sum(len(x["ours"]) > len(x["acts"]) for x in rs)
            print(
                f"gap {gap} crash {crash}: unequal {unequal}, "
                f"last act (quiet before it) lost {lost_quiet}, last act lost at all {lost}, "
                f"more writes than acts {extra} of {N}"
            )
            bad = [
                s for s, x in enumerate(rs) if not x["equal"] or (x["settled"] and not x["right"])
            ]
            if bad:
                print("  seeds", bad[:5])
