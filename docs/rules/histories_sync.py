"""One team sync, as the rule has it and as other readings of the rule have it.

`h` is the history: the clock, both sides, what is stored, and the options. See `histories_configs.py`
for the options and `merge_histories.py` for the rest.
"""

from histories_configs import LAG_WINDOW


def sync(h, cause):
    pts = h.r.random() < h.C["crash"] and h.r.randrange(0, 8)
    step = 0

    class Crash(Exception):
        pass

    def point():
        nonlocal step
        if pts is not False and step == pts:
            h.say("   CRASH")
            h.crashes.append(h.now)
            raise Crash
        step += 1

    try:
        start = h.now
        raw = h.gread()
        t_ = [h.tp(x) for x in h.T]
        tpart = [
            h.part[p] and not (h.C["returning"] == "wait" and h.now - h.since[p] < LAG_WINDOW)
            for p in range(h.P)
        ]
        d = h.direction
        h.L["overlay"] = {k: v for k, v in h.L["overlay"].items() if h.now - v[2] < LAG_WINDOW}

        def over(p):
            gp, gr = raw[p]
            e = h.L["overlay"].get((p, "P"))
            if e:
                gp = e[1]
            if not gp:
                return 0, h.NO
            if not raw[p][0]:
                gr = h.A["G", p, "R"] or 0
            e = h.L["overlay"].get((p, "R"))
            if e and e[1] is not None:
                if (
                    h.C["roleoverlay"] == "override"
                    or gr == e[0]
                    or (h.C["roleoverlay"] == "member" and e[0] is None and gr == 0)
                ):
                    gr = e[1]
            return gp, gr

        seen = [over(p) for p in range(h.P)]
        keep = []
        for it in h.L["intents"]:
            side, p, a, v, st, sg, at = it
            i = 0 if a == "P" else 1
            val = t_[p][i] if side == "T" else (raw[p][i] if h.C["settle"] == "raw" else seen[p][i])
            if val == v:
                h.A["T", p, a], h.A["G", p, a] = (v, sg) if side == "T" else (st, v)
                if side == "G":
                    h.L["overlay"][p, a] = (
                        1 - v if v is not None else None,
                        v,
                        at if h.C["renew"] == "first" else at,
                    )
            elif h.now - at < LAG_WINDOW and (side == "G" or h.C["teamintent"] == "keep"):
                keep.append(it)
        h.L["intents"] = keep
        seen = [over(p) for p in range(h.P)]
        letters = lambda pairs: "".join("-" if not x[0] else "MO"[x[1] or 0] for x in pairs)
        true = "".join("-MO"[h.gs(p)] for p in range(h.P))
        h.say(f"sync({cause}) T={letters(t_)} raw={letters(raw)} seen={letters(seen)} true={true}")
        ops, to_baseline, new_overlay = [], [], {}

        def observe(p, a, v):
            e = h.L["overlay"].get((p, a))
            if e and e[1] == v and h.C["renew"] != "always":
                return
            if h.C["renew"] == "change" and h.last.get((p, a), h.A["G", p, a]) == v:
                return
            new_overlay[p, a] = (h.A["G", p, a], v, h.now)

        pending_now = {}
        for p in range(h.P):
            if not tpart[p]:
                continue
            (Tp, Tr), (Gp, Gr) = t_[p], seen[p]
            ct, cg = Tp != h.A["T", p, "P"], Gp != h.A["G", p, "P"]
            if h.NO == 0 and Gr != h.A["G", p, "R"]:
                observe(p, "R", Gr)
            if cg:
                if not (h.C["renew"] == "notpending" and ("P", p) in h.L["pending"]):
                    observe(p, "P", Gp)
            src = "T" if ct and not cg else "G" if cg and not ct else None
            if ct and cg and Tp != Gp:
                src = "G"
            rf = h.L["deferred"].get((p, "P"))
            if src is None and rf and not ct and not cg and Tp != Gp:
                src = rf
            done = False
            if src and Tp != Gp:
                dst = "G" if src == "T" else "T"
                role = Tr if src == "T" else Gr
                if d not in ("both", "webex" if src == "T" else "microsoft"):
                    if h.C["uncarried"] == "accept":
                        to_baseline.append((p, "P"))
                        to_baseline.append((p, "R"))
                    continue
                s = 0 if not (Tp if src == "T" else Gp) else 1 + (role or 0)
                if s == 0 and h.C["returning"] == "guard" and h.now - h.since[p] < LAG_WINDOW:
                    continue
                ops.append([dst, p, s, "P"])
                done = True
            elif ct or cg:
                to_baseline.append((p, "P"))
            if Tp != Gp or done:
                continue
            if not Tp:
                to_baseline.append((p, "R"))
                continue
            ctr, cgr = Tr != h.A["T", p, "R"], Gr != h.A["G", p, "R"]
            if cgr and h.NO is None:
                observe(p, "R", Gr)
            src = "T" if ctr and not cgr else "G" if cgr and not ctr else None
            if ctr and cgr and Tr != Gr:
                src = "G"
            rf = h.L["deferred"].get((p, "R"))
            if src is None and rf and not ctr and not cgr and Tr != Gr:
                src = rf
            if src and Tr != Gr:
                if d not in ("both", "webex" if src == "T" else "microsoft"):
                    if h.C["uncarried"] == "accept":
                        to_baseline.append((p, "R"))
                    continue
                ops.append(["G" if src == "T" else "T", p, 1 + (Tr if src == "T" else Gr), "R"])
            elif ctr or cgr:
                to_baseline.append((p, "R"))
        # the removal limit (presence only)
        h.L["removed"] = [x for x in h.L["removed"] if h.now - x[0] < 86400]
        pending_plan = {}
        if h.C["removal_limit"]:
            rem = [o for o in ops if o[2] == 0]
            cnt = sum(1 for x in h.L["removed"])
            free = [o for o in rem if (o[1], o[0]) in h.L["appl"]]
            rest = [o for o in rem if o not in free]
            if h.C["hold"] == "beyond":
                ok = rest[: max(0, h.C["removal_limit"] - cnt)]
            else:
                ok = rest if cnt + len(rest) <= h.C["removal_limit"] and not h.L["pending"] else []
            for o in rest:
                if o in ok:
                    continue
                ops.remove(o)
                if (o[1], o[0]) in h.L["disc"]:  # added again where the person vanished
                    vanished = "T" if o[0] == "G" else "G"
                    ops.append([vanished, o[1], 1 + (h.A[vanished, o[1], "R"] or 0), "P"])
                else:
                    pending_plan["P", o[1]] = o[0]
            h.L["pending_next"] = pending_plan
        key = {("P", True): 0, ("P", False): 3}

        def rank(o):
            side, p, s, a = o
            if s == 0:
                return 3
            if a == "P":
                return 0
            prom = s == 2
            if h.C["order"] == "promote-first":
                return 1 if prom else 2
            return (
                (1 if prom else 2)
                if not (prom and side == "G" and len([1 for x in seen if x[1] == 1]) >= h.C["OL"])
                else 2.5
            )

        ops.sort(key=rank)
        point()
        h.L["overlay"].update(new_overlay)  # stored with the intents
        for p in range(h.P):
            if tpart[p]:
                h.last[p, "P"], h.last[p, "R"] = seen[p]
        for side, p, s, a in ops:
            (Tp, Tr), (Gp, Gr) = t_[p], seen[p]
            if a == "P":
                h.L["intents"].append((side, p, "P", int(s > 0), Tp, Gp, h.now))
            if s or h.NO == 0:
                h.L["intents"].append((side, p, "R", max(s - 1, 0), Tr, Gr, h.now))
        point()
        res = []
        for side, p, s, a in ops:
            point()
            yield h.r.uniform(0.2, 2) * h.C["slow"]
            before = h.T[p] if side == "T" else h.gs(p)
            if side == "T":
                why = h.team_to(p, s)
            elif s == 0 and h.C["half"] and h.cur("o", p) and h.own() != [p]:
                h.gset("o", p, False)
                point()
                h.gset("m", p, False)
                why = None
            else:
                why = h.group_to(p, s, "us")
            if why == "quota" and a == "P":  # as a member then
                h.group_to(p, 1, "us")
                res.append((side, p, 1, "P", None, "R!"))
                s_ = 1
            else:
                res.append((side, p, s, a, why, None))
                s_ = s
            after = h.T[p] if side == "T" else h.gs(p)
            if before != after:
                h.ours.append((h.now, side, p, before, after))
                h.say(f"   WE {side}{p}: {before}->{after}")
                if after == 0 and p not in h.hrem:
                    h.bad["removed whom no human removed"] += 1
                    h.say("   !! removed, no human removed")
                if after == 0:
                    h.L["removed"].append((h.now, p))
                    if (
                        ("P", p) in h.ever_pending
                        and (p, side) not in h.L["appl"]
                        and not any(x[2] == p and x[0] > h.now - 3 * 3600 for x in h.acts)
                    ):
                        h.bad["pending, then removed without approval"] += 1
                        h.say("   !! was pending")
                h.msg(h.r.uniform(0.5, 20), "event")
            elif why:
                h.say(f"   refused {side}{p}->{s} {why}")
            point()
        # record
        for p, a in to_baseline:
            i = 0 if a == "P" else 1
            h.A["T", p, a], h.A["G", p, a] = t_[p][i], seen[p][i]
            h.L["deferred"].pop((p, a), None)
        for side, p, s, a, why, extra in res:
            (Tp, Tr), (Gp, Gr) = t_[p], seen[p]
            if why:
                if h.C["accept"] != "pending":
                    h.A["T", p, a], h.A["G", p, a] = (Tp, Gp) if a == "P" else (Tr, Gr)
                    if a == "P":
                        h.A["T", p, "R"], h.A["G", p, "R"] = Tr, Gr
                if h.C["accept"] == "retry":
                    h.L["deferred"][p, a] = "T" if side == "G" else "G"
                continue
            h.L["deferred"].pop((p, a), None)
            h.L["deferred"].pop((p, "R"), None)
            if a == "P":
                h.A["T", p, "P"] = h.A["G", p, "P"] = int(s > 0)
                if side == "G":
                    h.L["overlay"][p, "P"] = (int(s == 0), int(s > 0), h.now)
                if s == 0:
                    h.L["appl"].discard((p, side))
                h.L["disc"].discard((p, "G" if side == "T" else "T"))
            rl = s - 1 if s else h.NO
            h.last[p, "P"], h.last[p, "R"] = int(s > 0), (rl if not extra else 0)
            if extra:
                h.A["T", p, "R"], h.A["G", p, "R"] = 1, 0
                h.L["overlay"][p, "R"] = (None, 0, h.now)
                if h.C["accept"] == "retry":
                    h.L["deferred"][p, "R"] = "T"
                if h.C["accept"] == "pending":
                    h.A["T", p, "R"] = 0
            else:
                oldR = h.A["G", p, "R"]
                h.A["T", p, "R"] = h.A["G", p, "R"] = rl
                if side == "G" and (s or h.NO == 0):
                    h.L["overlay"][p, "R"] = (oldR, rl, h.now)
        keys = {(side, p, "P") for side, p, s, a, w, e in res if a == "P"} | {
            (side, p, "R") for side, p, s, a, w, e in res
        }
        h.L["intents"] = [i for i in h.L["intents"] if (i[0], i[1], i[2]) not in keys]
        if h.C["removal_limit"]:
            h.L["pending"] = h.L["pending_next"]
            h.ever_pending.update(h.L["pending"])
        h.L["synced_at"] = start
        h.L["lease"] = -1
        times = [x[2] for x in h.L["overlay"].values()] + [i[6] for i in h.L["intents"]]
        if times:
            h.L["due"] = max(times) + LAG_WINDOW + 1
            if h.now > h.end + 3900 and not any(x[0] > h.end - 7200 for x in h.ours):
                h.bad["syncs that never end"] += 1
            if h.now < h.end + 4000:
                h.push(max(h.L["due"], h.now + 1), "msg", ("due", h.L["due"]))
        elif cause == "event" and not ops and not to_baseline:
            h.push(h.now + 120, "msg", ("confirm", None))
        if h.C["conf"] == "15min" and cause == "event":
            h.push(h.now + LAG_WINDOW + 1, "msg", ("confirm", None))
        if h.L["requested_at"] > h.L["synced_at"]:
            if pts == 7 and h.C["requested_at"] == "literal":
                h.say("   CRASH after record")
                return
            h.msg(1, "event")
    except Crash:
        h.L["lease"] = h.now + 60
        h.push(h.now + 61, "redeliver", (cause, start))
