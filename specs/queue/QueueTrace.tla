------------------------------ MODULE QueueTrace ------------------------------
(***************************************************************************)
(* Whether what was observed of one run is a behaviour of Queue.           *)
(*                                                                         *)
(* TraceData holds the observations: Log, one record a line.  Instants are *)
(* ranks in it: the first instant that occurs or follows from a request is *)
(* 0, the next later one is 1, and so on, for a queue only compares them.  *)
(* What nobody observes happens in between: leases end, and, unless the    *)
(* log tells of the disk, records become durable.                          *)
(*                                                                         *)
(* The goal is inverted: NotAccepted is violated if and only if every line *)
(* can be explained.                                                       *)
(***************************************************************************)
EXTENDS Queue, TraceData, TLC

VARIABLES
    line,   \* the observation that is to be explained next
    now,    \* the rank of the present instant
    kept,   \* how many records are durable, all in all
    asks,   \* beside owed: which request each answer is for; 0 beside an announcement
    out     \* what was said and was not observed yet, in order

traced == <<journal, owed, up, crashes, line, now, kept, asks, out>>

Line == Log[line]
BeliefThen == journal'[Len(journal')]

Explained == line' = line + 1 /\ UNCHANGED now

-----------------------------------------------------------------------------
(* Answers: "?" is one that never came. *)

IsSaid(word) == Line.says \in {word, "?"}
IsUntold == Line.says = "?"

NewIn == [id |-> Line.id, key |-> Line.key, dedup |-> Line.dedup]
Puts(work) ==
    \/ IsSaid("ok") /\ Enqueued(work, NewIn, Line.until - now, Line.memory - now)
    \/ IsSaid("duplicate") /\ Duplicated(work, NewIn)
    \/ IsSaid("full") /\ Overflowed(work, NewIn)

IsDelivered(delivery) ==
    \E place \in Places(BeliefThen) :
        LET message == BeliefThen.messages[place]
        IN  /\ message.in = "leased" /\ message.id = delivery.id /\ message.token = delivery.token
            /\ message.tries = delivery.attempt /\ message.at = delivery.until - now
AreDelivered(work) ==
    /\ BeliefThen.issued = Believed(work).issued + Len(Line.of)
    /\ \A nth \in 1..Len(Line.of) :
        Line.of[nth].token = Believed(work).issued + nth - 1 /\ IsDelivered(Line.of[nth])
Takes(work) ==
    /\ IsSaid("claimed")
    /\ \/ Claimed(work, Line.worker, Line.size, Line.until - now)
       \/ ClaimedNothing(work, Line.worker, Line.size)
    /\ IF IsUntold THEN TRUE ELSE AreDelivered(work)

Acks(work) ==
    \/ IsSaid("ok") /\ (Acked(work, Line.token) \/ AckedAgain(work, Line.token))
    \/ IsSaid("stale") /\ AckedStale(work, Line.token)
Extends(work) ==
    \/ IsSaid("ok") /\ Extended(work, Line.token, Line.until - now)
    \/ IsSaid("stale") /\ ExtendedStale(work, Line.token)
Nacks(work) ==
    \/ IsSaid("ok") /\ Nacked(work, Line.token, Line.until - now)
    \/ IsSaid("dead") /\ NackedLast(work, Line.token)
    \/ IsSaid("stale") /\ NackedStale(work, Line.token)
Kills(work) ==
    \/ IsSaid("ok") /\ KilledNow(work, Line.id)
    \/ IsSaid("terminal") /\ KilledTooLate(work, Line.id)
    \/ IsSaid("not_found") /\ KilledNobody(work, Line.id)

RECURSIVE InOrder(_, _)
InOrder(image, places) ==
    LET place == CHOOSE least \in places : \A other \in places : least <= other
    IN  IF places = {} THEN <<>> ELSE <<image.messages[place].id>> \o InOrder(image, places \ {place})
Redrives(work, among) ==
    /\ IsSaid("redriven")
    /\ Redriven(work, among) \/ RedrivenNothing(work, among)
    /\ IF IsUntold THEN TRUE ELSE Line.ids = InOrder(Believed(work), ToRevive(Believed(work), among))

EndedIds == LET ends == EndsInOrder(Believed(Now), Due(Believed(Now))) IN [nth \in DOMAIN ends |-> ends[nth].id]
Expires(work) ==
    /\ IsSaid("expired")
    /\ Sweeps(work)
    /\ IF IsUntold THEN TRUE ELSE Line.ids = EndedIds

Count(image, status) == Cardinality({place \in Places(image) : Seems(image, image.messages[place].id) = status})
Counts(work) ==
    /\ IsSaid("stats")
    /\ Answered(work, "stats")
    /\ IF IsUntold THEN TRUE ELSE \A status \in DOMAIN Line.counts : Line.counts[status] = Count(Believed(work), status)

Serves(work) ==
    CASE Line.op = "enqueue" -> Puts(work)
      [] Line.op = "claim" -> Takes(work)
      [] Line.op = "ack" -> Acks(work)
      [] Line.op = "extend" -> Extends(work)
      [] Line.op = "nack" -> Nacks(work)
      [] Line.op = "kill" -> Kills(work)
      [] Line.op = "redrive_all" -> Redrives(work, Ids(Believed(work)))
      [] Line.op = "redrive" -> Redrives(work, {Line.these[nth] : nth \in DOMAIN Line.these})
      [] Line.op = "expire" -> Expires(work)
      [] Line.op = "status" -> \E status \in Statuses : IsSaid(status) /\ Looks(work, Line.id, status)
      [] Line.op = "stats" -> Counts(work)
      [] OTHER -> FALSE

-----------------------------------------------------------------------------
(* Lines of the log. *)

IsRequest ==
    Line.op \in {"enqueue", "claim", "ack", "extend", "nack", "kill", "redrive_all", "redrive", "expire", "status", "stats"}
IsOnTime == now = Line.clock

NoAsks(count) == [nth \in 1..count |-> 0]
Reply == [ask |-> Line.ask, says |-> "", id |-> ""]

Request ==
    /\ IsRequest /\ IsOnTime /\ up
    /\ \E work \in Swept : Serves(work)
    /\ IF Len(journal') > 1
       THEN /\ asks' = asks \o NoAsks(Len(owed') - Len(owed) - 1) \o <<Line.ask>>
            /\ UNCHANGED out
       ELSE /\ out' = Append(out, Reply)
            /\ UNCHANGED asks
    /\ Explained
    /\ UNCHANGED kept

(* Nobody was told anything: it need not have come in at all. *)
NeverTaken ==
    /\ IsRequest /\ IsOnTime /\ IsUntold
    /\ Explained
    /\ UNCHANGED <<journal, owed, up, crashes, kept, asks, out>>

Heard ==
    /\ Line.op \in {"answered", "notified"} /\ IsOnTime
    /\ out # <<>> /\ Head(out) = Line.heard
    /\ out' = Tail(out)
    /\ Explained
    /\ UNCHANGED <<journal, owed, up, crashes, kept, asks>>

Released(output, ask) ==
    IF ask # 0 THEN [ask |-> ask, says |-> "", id |-> ""]
    ELSE [ask |-> 0, says |-> output.says, id |-> output.of[1].id]
Kept(records) ==
    LET count == Len(owed) - Len(owed')
    IN  /\ Synced(records)
        /\ kept' = kept + records
        /\ out' = out \o [nth \in 1..count |-> Released(owed[nth], asks[nth])]
        /\ asks' = SubSeq(asks, count + 1, Len(asks))

SyncTold ==
    /\ Line.op = "synced" /\ now <= Line.clock
    /\ Line.records - kept \in 0..(Len(journal) - 1)
    /\ Kept(Line.records - kept)
    /\ Explained

(* -1: nobody knows how many records survived. *)
EndTold ==
    /\ Line.op = "ended" /\ now <= Line.clock
    /\ \E place \in 1..Len(journal) :
        /\ Line.records \in {-1, kept + place - 1}
        /\ Crashed(place)
        /\ kept' = kept + place - 1
    /\ asks' = <<>> /\ out' = <<>>
    /\ Explained
    /\ UNCHANGED crashes

RestartTold ==
    /\ Line.op = "recovered" /\ IsOnTime
    /\ Line.records \in {-1, kept}
    /\ Restart
    /\ Explained
    /\ UNCHANGED <<kept, asks, out>>

-----------------------------------------------------------------------------
(* What nobody observes. *)

(* On to the end of the next lease, or to the next observation. *)
LeaseEnds == {Belief.messages[place].at : place \in Leased(Belief)}
Waits == {ticks \in (LeaseEnds \cup {Line.clock - now}) : ticks > 0}
Wait ==
    /\ now < Line.clock
    /\ \E ticks \in Waits :
        /\ \A other \in Waits : ticks <= other
        /\ journal' = Passed(ticks)
        /\ now' = now + ticks
    /\ UNCHANGED <<owed, up, crashes, line, kept, asks, out>>

Notice ==
    /\ Expire
    /\ asks' = asks \o NoAsks(Len(owed') - Len(owed))
    /\ UNCHANGED <<line, now, kept, out>>

SyncUntold ==
    /\ ~DiskIsTold
    /\ \E records \in 1..(Len(journal) - 1) : Kept(records)
    /\ UNCHANGED <<line, now>>

Lost ==
    /\ out # <<>> /\ Head(out).ask \in Untold
    /\ out' = Tail(out)
    /\ UNCHANGED <<journal, owed, up, crashes, line, now, kept, asks>>

-----------------------------------------------------------------------------
TraceInit ==
    /\ journal = <<Empty>>
    /\ owed = <<>>
    /\ up = (Log[1].op # "recovered")
    /\ crashes = 0
    /\ line = 1 /\ now = 0 /\ kept = 0
    /\ asks = <<>> /\ out = <<>>

TraceNext ==
    /\ line <= Len(Log)
    /\ \/ Request \/ NeverTaken \/ Heard \/ SyncTold \/ EndTold \/ RestartTold
       \/ Wait \/ Notice \/ SyncUntold \/ Lost

TraceSpec == TraceInit /\ [][TraceNext]_traced

(* How far it came is printed, so that the first line that cannot be explained is known. *)
ASSUME TLCSet(1, 0)
HowFar == IF line > TLCGet(1) THEN TLCSet(1, line) /\ PrintT(<<"reached", line>>) ELSE TRUE

NotAccepted == HowFar /\ line <= Len(Log)

=============================================================================
