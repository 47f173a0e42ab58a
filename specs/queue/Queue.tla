-------------------------------- MODULE Queue --------------------------------
(***************************************************************************)
(* A lease queue on one node with a disk, written from the requirements in *)
(* README.md (QUE-..), not from the code.                                  *)
(*                                                                         *)
(* What the node believes, and what would survive if it died now, is one   *)
(* variable: the images that the prefixes of its journal add up to, from   *)
(* the durable prefix to the whole.  The first is what the disk keeps, the *)
(* last is what the node believes, and a crash keeps any one of them.      *)
(*                                                                         *)
(* Time goes in ticks, and every instant is told from the present one, so  *)
(* now is 0.  Of instants that are past only their order matters: they are *)
(* ranked -1, -2, .. from now backwards.                                   *)
(***************************************************************************)
EXTENDS Integers, Sequences, FiniteSets

CONSTANTS
    NewMessages,    \* what producers put in: a set of [id, key, dedup, delay]; "" is no key, no deduplication
    Workers,        \* who claims
    ClaimSizes,     \* for how many messages at once
    LeaseTicks,     \* how long a lease lasts
    ExtendTicks,    \* how long from now a lease may be made to last: a set
    NackTicks,      \* the delays that a nack may ask for: a set
    AttemptsMax,    \* a message is handed out so often, then it is dead
    InFlightMax,    \* how many may be leased at once; 0 is no bound
    WorkerMax,      \* how many one worker may hold at once; 0 is no bound
    MessagesMax,    \* how many may be kept that are not done
    DoneMax,        \* how many that are done are remembered
    DedupTicks,     \* how long a deduplication id is taken
    DedupMax,       \* how many of them are remembered
    DeadBlocksKey,  \* whether a dead message keeps later ones of its key waiting
    Controls,       \* what else is asked: a subset of AllControls
    TokensMax,      \* the world's own bounds: how many tokens workers use up,
    TailMax,        \* how many records may wait for the disk when somebody asks,
    OpenMax,        \* how many requests may wait for their answers,
    CrashesMax      \* and how often the node crashes

VARIABLES
    journal,   \* the images that the prefixes of the journal add up to, from the durable one on
    owed,      \* what is said once the first so many records that wait are durable, in order
    up,        \* whether the process runs
    crashes    \* how often it may still crash

vars == <<journal, owed, up, crashes>>

AllControls == {"extend", "kill", "redrive", "redrive_one", "sweep", "look"}

ASSUME AttemptsMax >= 1 /\ MessagesMax >= 1 /\ DoneMax >= 1 /\ DedupMax >= 1 /\ LeaseTicks >= 1
ASSUME DeadBlocksKey \in BOOLEAN /\ Controls \subseteq AllControls

Most(a, b) == IF a >= b THEN a ELSE b

-----------------------------------------------------------------------------
(* Images.  Messages stand in the order of their enqueues; done lists the  *)
(* ids of those that are done, in the order in which they were.            *)

Empty == [messages |-> <<>>, issued |-> 0, dedup |-> {}, done |-> <<>>]

Places(image) == 1..Len(image.messages)
Ids(image) == {image.messages[place].id : place \in Places(image)}
PlaceOf(image, id) == CHOOSE place \in Places(image) : image.messages[place].id = id
Unfinished(image) == {place \in Places(image) : image.messages[place].in # "done"}
Leased(image) == {place \in Places(image) : image.messages[place].in = "leased"}
Dead(image) == {place \in Places(image) : image.messages[place].in = "dead"}
Holds(image, place, token) ==
    image.messages[place].in = "leased" /\ image.messages[place].token = token
IsLive(image, token) == \E place \in Places(image) : Holds(image, place, token)
HolderOf(image, token) == CHOOSE place \in Places(image) : Holds(image, place, token)
HasFinished(image, token) ==
    \E place \in Places(image) :
        image.messages[place].in = "done" /\ image.messages[place].token = token

With(image, place, message) == [image EXCEPT !.messages[place] = message]

Idle(message) == [message EXCEPT !.token = 0, !.by = ""]
Readied(message, at) == [Idle(message) EXCEPT !.in = "ready", !.at = at]
Killed(message) == [Idle(message) EXCEPT !.in = "dead", !.at = 0]
Finished(message) == [message EXCEPT !.in = "done", !.at = 0, !.by = ""]

(* QUE-21: of two that are due at the same instant, the one that was put in earlier is first. *)
IsFirst(image, place, places) ==
    \A other \in places :
        \/ image.messages[place].at < image.messages[other].at
        \/ image.messages[place].at = image.messages[other].at /\ place <= other
First(image, places) == CHOOSE place \in places : IsFirst(image, place, places)

-----------------------------------------------------------------------------
(* Who is next. *)

Blocks(message) == message.in \in {"ready", "leased"} \/ (DeadBlocksKey /\ message.in = "dead")   \* QUE-32

SameKey(image, place, other) ==
    image.messages[place].key # "" /\ image.messages[place].key = image.messages[other].key

(* QUE-30: one of a key at a time.  QUE-31: it waits while an earlier one of its key does. *)
MustWait(image, place) ==
    \E other \in Places(image) \ {place} :
        /\ SameKey(image, place, other)
        /\ \/ image.messages[other].in = "leased"
           \/ other < place /\ Blocks(image.messages[other])

Available(image) ==   \* QUE-20
    {place \in Places(image) :
        image.messages[place].in = "ready" /\ image.messages[place].at <= 0 /\ ~MustWait(image, place)}

HeldBy(image, worker) == {place \in Leased(image) : image.messages[place].by = worker}
HasRoom(image, worker) ==   \* QUE-23
    /\ InFlightMax = 0 \/ Cardinality(Leased(image)) < InFlightMax
    /\ WorkerMax = 0 \/ Cardinality(HeldBy(image, worker)) < WorkerMax

-----------------------------------------------------------------------------
(* The past, ranked. *)

InstantsOf(image) ==
    {image.messages[place].at : place \in {it \in Places(image) : image.messages[it].in \in {"ready", "leased"}}}
PastOf(images) ==
    {instant \in UNION {InstantsOf(images[prefix]) : prefix \in 1..Len(images)} : instant < 0}
Rank(past, instant) == IF instant >= 0 THEN instant ELSE -Cardinality({it \in past : it >= instant})

RankedMessage(past, message) == [message EXCEPT !.at = Rank(past, @)]
RankedImage(past, image) ==
    [image EXCEPT !.messages = [place \in DOMAIN @ |-> RankedMessage(past, @[place])]]
Ranked(images) ==
    LET past == PastOf(images) IN [prefix \in DOMAIN images |-> RankedImage(past, images[prefix])]

(* QUE-12: a deduplication id is free again once its time is over. *)
Later(message, ticks) == IF message.in \in {"ready", "leased"} THEN [message EXCEPT !.at = @ - ticks] ELSE message
LaterImage(image, ticks) ==
    [image EXCEPT
        !.messages = [place \in DOMAIN @ |-> Later(@[place], ticks)],
        !.dedup = {[it EXCEPT !.until = @ - ticks] : it \in {taken \in @ : taken.until > ticks}}]
Passed(ticks) == Ranked([prefix \in DOMAIN journal |-> LaterImage(journal[prefix], ticks)])

-----------------------------------------------------------------------------
(* What a step does, written down piece by piece: records and announcements in their order. *)

Now == [journal |-> journal, owed |-> owed]
Believed(work) == work.journal[Len(work.journal)]

Written(work, image) == [work EXCEPT !.journal = Append(@, image)]

(* QUE-01: whatever is said waits for every record before it; if none waits, it is said at once. *)
Says(work, output) ==
    LET after == Len(work.journal) - 1
        whole == [says |-> output.says, of |-> output.of, after |-> after]
    IN  IF after = 0 THEN work ELSE [work EXCEPT !.owed = Append(@, whole)]

Word(says) == [says |-> says, of |-> <<>>]
About(says, of) == [says |-> says, of |-> of]
Told(work, says, message) == Says(work, About(says, <<[id |-> message.id, token |-> 0, attempt |-> 0]>>))

Becomes(work) ==
    /\ journal' = Ranked(work.journal)
    /\ owed' = work.owed
    /\ UNCHANGED <<up, crashes>>

-----------------------------------------------------------------------------
(* Leases end. *)

(* QUE-13, QUE-41: back to ready, or dead if that was the last attempt. *)
GivenBack(work, place, at) ==
    LET message == Believed(work).messages[place]
    IN  Written(work, With(Believed(work), place,
            IF message.tries < AttemptsMax THEN Readied(message, at) ELSE Killed(message)))

ToldIfDead(work, place) ==   \* QUE-42
    LET message == Believed(work).messages[place]
    IN  IF message.in = "dead" THEN Told(work, "died", message) ELSE work

Due(image) == {place \in Leased(image) : image.messages[place].at <= 0}

(* QUE-11: in the order of their ends, and ready from those ends on, however late it is noticed. *)
RECURSIVE Ended(_)
Ended(work) ==
    LET image == Believed(work)
        place == First(image, Due(image))
        message == image.messages[place]
        back == GivenBack(work, place, message.at)
    IN  IF Due(image) = {} THEN work
        ELSE Ended(ToldIfDead(Told(back, "lease_expired", message), place))

RECURSIVE EndsInOrder(_, _)
EndsInOrder(image, places) ==
    IF places = {} THEN <<>>
    ELSE <<[id |-> image.messages[First(image, places)].id, token |-> 0, attempt |-> 0]>>
        \o EndsInOrder(image, places \ {First(image, places)})

-----------------------------------------------------------------------------
(* Requests.  Leases that are over end before anything else happens.  Each *)
(* action bears the name of what it answers.                               *)

Announcements == {"lease_expired", "died"}
Open == {nth \in 1..Len(owed) : owed[nth].says \notin Announcements}

Asked ==
    /\ up
    /\ Len(journal) <= TailMax
    /\ Cardinality(Open) < OpenMax

(* The leases that are over have ended in the work that a request begins with. *)
Swept == {Ended(Now)}

Answered(work, says) == Becomes(Says(work, Word(says)))

(* Putting messages in. *)

Put(image, new, delay, memory) ==
    LET message == [id |-> new.id, key |-> new.key, in |-> "ready", at |-> delay, token |-> 0, by |-> "", tries |-> 0]
        taken == IF new.dedup = "" \/ memory = 0 THEN {} ELSE {[id |-> new.dedup, until |-> memory]}
    IN  [image EXCEPT !.messages = Append(@, message), !.dedup = @ \cup taken]

IsTaken(image, new) ==   \* QUE-10, QUE-12
    new.id \in Ids(image) \/ \E taken \in image.dedup : taken.id = new.dedup
IsFull(image, new) ==   \* QUE-50, QUE-52
    \/ Cardinality(Unfinished(image)) >= MessagesMax
    \/ new.dedup # "" /\ Cardinality(image.dedup) >= DedupMax

Enqueued(work, new, delay, memory) ==
    /\ ~IsTaken(Believed(work), new) /\ ~IsFull(Believed(work), new)
    /\ Answered(Written(work, Put(Believed(work), new, delay, memory)), "ok")
Duplicated(work, new) == IsTaken(Believed(work), new) /\ Answered(work, "duplicate")
Overflowed(work, new) ==
    /\ ~IsTaken(Believed(work), new) /\ IsFull(Believed(work), new)
    /\ Answered(work, "full")

(* Taking them out. *)

HandedOut(image, place, worker, lease) ==   \* QUE-22, QUE-40
    LET message == image.messages[place]
        leased == [message EXCEPT !.in = "leased", !.at = lease, !.token = image.issued, !.by = worker, !.tries = @ + 1]
    IN  [With(image, place, leased) EXCEPT !.issued = @ + 1]

MayHandOut(image, worker) == HasRoom(image, worker) /\ Available(image) # {}

RECURSIVE Taken(_, _, _, _, _)
Taken(work, worker, size, lease, deliveries) ==
    LET image == Believed(work)
        place == First(image, Available(image))
        after == HandedOut(image, place, worker, lease)
        delivery ==
            [id |-> image.messages[place].id, token |-> image.issued, attempt |-> after.messages[place].tries]
    IN  IF size = 0 \/ ~MayHandOut(image, worker) THEN Says(work, About("claimed", deliveries))
        ELSE Taken(Written(work, after), worker, size - 1, lease, Append(deliveries, delivery))

Claimed(work, worker, size, lease) ==
    /\ size > 0 /\ MayHandOut(Believed(work), worker)
    /\ Becomes(Taken(work, worker, size, lease, <<>>))
ClaimedNothing(work, worker, size) ==
    /\ size = 0 \/ ~MayHandOut(Believed(work), worker)
    /\ Becomes(Says(work, About("claimed", <<>>)))

(* Holders speak.  QUE-14: only the live token moves a message. *)

RECURSIVE Forgotten(_)
Forgotten(work) ==   \* QUE-51: the oldest first, a record each
    LET image == Believed(work)
        place == PlaceOf(image, Head(image.done))
        without == [at \in 1..(Len(image.messages) - 1) |-> image.messages[IF at < place THEN at ELSE at + 1]]
    IN  IF Len(image.done) <= DoneMax THEN work
        ELSE Forgotten(Written(work, [image EXCEPT !.messages = without, !.done = Tail(@)]))

Acked(work, token) ==
    LET image == Believed(work)
        place == HolderOf(image, token)
        message == image.messages[place]
        after == [With(image, place, Finished(message)) EXCEPT !.done = Append(@, message.id)]
    IN  /\ IsLive(image, token)
        /\ Answered(Forgotten(Written(work, after)), "ok")
AckedAgain(work, token) ==   \* QUE-15
    ~IsLive(Believed(work), token) /\ HasFinished(Believed(work), token) /\ Answered(work, "ok")
AckedStale(work, token) ==
    ~IsLive(Believed(work), token) /\ ~HasFinished(Believed(work), token) /\ Answered(work, "stale")

Extended(work, token, lease) ==   \* QUE-16: never shorter
    LET image == Believed(work)
        place == HolderOf(image, token)
        longer == [image.messages[place] EXCEPT !.at = Most(@, lease)]
    IN  /\ IsLive(image, token)
        /\ IF longer = image.messages[place] THEN Answered(work, "ok")
           ELSE Answered(Written(work, With(image, place, longer)), "ok")
ExtendedStale(work, token) == ~IsLive(Believed(work), token) /\ Answered(work, "stale")

Nacked(work, token, delay) ==
    LET place == HolderOf(Believed(work), token)
    IN  /\ IsLive(Believed(work), token)
        /\ Believed(work).messages[place].tries < AttemptsMax
        /\ Answered(GivenBack(work, place, delay), "ok")
NackedLast(work, token) ==
    LET place == HolderOf(Believed(work), token)
    IN  /\ IsLive(Believed(work), token)
        /\ Believed(work).messages[place].tries >= AttemptsMax
        /\ Answered(ToldIfDead(GivenBack(work, place, 0), place), "dead")
NackedStale(work, token) == ~IsLive(Believed(work), token) /\ Answered(work, "stale")

(* An operator speaks. *)

KilledNow(work, id) ==   \* QUE-43
    LET image == Believed(work)
        place == PlaceOf(image, id)
        message == image.messages[place]
    IN  /\ id \in Ids(image) /\ message.in \in {"ready", "leased"}
        /\ Answered(ToldIfDead(Written(work, With(image, place, Killed(message))), place), "ok")
KilledTooLate(work, id) ==
    LET image == Believed(work)
    IN  /\ id \in Ids(image) /\ image.messages[PlaceOf(image, id)].in \in {"done", "dead"}
        /\ Answered(work, "terminal")
KilledNobody(work, id) == id \notin Ids(Believed(work)) /\ Answered(work, "not_found")

RECURSIVE Revived(_, _, _)
Revived(work, places, ids) ==   \* QUE-44: in the order of their enqueues, a record each
    LET image == Believed(work)
        place == CHOOSE least \in places : \A other \in places : least <= other
        message == [Readied(image.messages[place], 0) EXCEPT !.tries = 0]
    IN  IF places = {} THEN Says(work, About("redriven", ids))
        ELSE Revived(Written(work, With(image, place, message)), places \ {place},
                Append(ids, [id |-> message.id, token |-> 0, attempt |-> 0]))

ToRevive(image, among) == {place \in Dead(image) : image.messages[place].id \in among}
Redriven(work, among) ==
    /\ ToRevive(Believed(work), among) # {}
    /\ Becomes(Revived(work, ToRevive(Believed(work), among), <<>>))
RedrivenNothing(work, among) ==
    /\ ToRevive(Believed(work), among) = {}
    /\ Becomes(Revived(work, {}, <<>>))

Sweeps(work) == Becomes(Says(work, About("expired", EndsInOrder(Believed(Now), Due(Believed(Now))))))

Seems(image, id) ==
    IF id \notin Ids(image) THEN "unknown"
    ELSE LET message == image.messages[PlaceOf(image, id)]
         IN  IF message.in = "ready" /\ message.at > 0 THEN "delayed" ELSE message.in
Statuses == {"ready", "delayed", "leased", "done", "dead", "unknown"}
Looks(work, id, status) == Seems(Believed(work), id) = status /\ Answered(work, status)

-----------------------------------------------------------------------------
(* The world: what may be asked at a scope. *)

AllIds == {new.id : new \in NewMessages}
Tokens == 0..(TokensMax - 1)   \* whoever asks may guess: a token that was never issued is stale
TokensLast(work, size) == Believed(work).issued + size <= TokensMax

Enqueue ==
    /\ Asked
    /\ \E work \in Swept, new \in NewMessages : Enqueued(work, new, new.delay, DedupTicks)
EnqueueAgain ==
    /\ Asked
    /\ \E work \in Swept, new \in NewMessages : Duplicated(work, new)
EnqueueFull ==
    /\ Asked
    /\ \E work \in Swept, new \in NewMessages : Overflowed(work, new)
Claim ==
    /\ Asked
    /\ \E work \in Swept, worker \in Workers, size \in ClaimSizes :
        TokensLast(work, size) /\ Claimed(work, worker, size, LeaseTicks)
ClaimNothing ==
    /\ Asked
    /\ \E work \in Swept, worker \in Workers, size \in ClaimSizes :
        TokensLast(work, size) /\ ClaimedNothing(work, worker, size)
Ack ==
    /\ Asked
    /\ \E work \in Swept, token \in Tokens : Acked(work, token)
AckAgain ==
    /\ Asked
    /\ \E work \in Swept, token \in Tokens : AckedAgain(work, token)
AckStale ==
    /\ Asked
    /\ \E work \in Swept, token \in Tokens : AckedStale(work, token)
Nack ==
    /\ Asked
    /\ \E work \in Swept, token \in Tokens, delay \in NackTicks : Nacked(work, token, delay)
NackLast ==
    /\ Asked /\ NackTicks # {}
    /\ \E work \in Swept, token \in Tokens : NackedLast(work, token)
NackStale ==
    /\ Asked /\ NackTicks # {}
    /\ \E work \in Swept, token \in Tokens : NackedStale(work, token)
Extend ==
    /\ Asked
    /\ \E work \in Swept, token \in Tokens, lease \in ExtendTicks : Extended(work, token, lease)
ExtendStale ==
    /\ Asked /\ ExtendTicks # {}
    /\ \E work \in Swept, token \in Tokens : ExtendedStale(work, token)
Kill ==
    /\ Asked /\ "kill" \in Controls
    /\ \E work \in Swept, id \in AllIds : KilledNow(work, id)
KillTooLate ==
    /\ Asked /\ "kill" \in Controls
    /\ \E work \in Swept, id \in AllIds : KilledTooLate(work, id)
KillNobody ==
    /\ Asked /\ "kill" \in Controls
    /\ \E work \in Swept, id \in AllIds : KilledNobody(work, id)
Redrive ==
    /\ Asked /\ "redrive" \in Controls
    /\ \E work \in Swept : Redriven(work, AllIds)
RedriveNothing ==
    /\ Asked /\ "redrive" \in Controls
    /\ \E work \in Swept : RedrivenNothing(work, AllIds)
RedriveOne ==
    /\ Asked /\ "redrive_one" \in Controls
    /\ \E work \in Swept, id \in AllIds : Redriven(work, {id})
RedriveNone ==
    /\ Asked /\ "redrive_one" \in Controls
    /\ \E work \in Swept, id \in AllIds : RedrivenNothing(work, {id})
Sweep ==
    /\ Asked /\ "sweep" \in Controls
    /\ \E work \in Swept : Sweeps(work)
LookReady ==
    /\ Asked /\ "look" \in Controls
    /\ \E work \in Swept, id \in AllIds : Looks(work, id, "ready")
LookDelayed ==
    /\ Asked /\ "look" \in Controls
    /\ \E work \in Swept, id \in AllIds : Looks(work, id, "delayed")
LookLeased ==
    /\ Asked /\ "look" \in Controls
    /\ \E work \in Swept, id \in AllIds : Looks(work, id, "leased")
LookDone ==
    /\ Asked /\ "look" \in Controls
    /\ \E work \in Swept, id \in AllIds : Looks(work, id, "done")
LookDead ==
    /\ Asked /\ "look" \in Controls
    /\ \E work \in Swept, id \in AllIds : Looks(work, id, "dead")
LookUnknown ==
    /\ Asked /\ "look" \in Controls
    /\ \E work \in Swept, id \in AllIds : Looks(work, id, "unknown")

-----------------------------------------------------------------------------
(* The node and its disk. *)

Expire ==   \* QUE-11: by its own timer, at any moment after a lease is over
    /\ up
    /\ Due(Believed(Now)) # {}
    /\ \E work \in Swept : Becomes(work)

Synced(records) ==
    /\ up
    /\ journal' = Ranked(SubSeq(journal, records + 1, Len(journal)))
    /\ owed' = LET later == SelectSeq(owed, LAMBDA output : output.after > records)
               IN  [place \in DOMAIN later |-> [later[place] EXCEPT !.after = @ - records]]
    /\ UNCHANGED <<up, crashes>>

Sync ==   \* QUE-02: it serves whatever was written before it began
    /\ \E records \in 1..(Len(journal) - 1) : Synced(records)

Crashed(kept) ==   \* QUE-03: any suffix of what was not synced is lost, and whatever was owed
    /\ up
    /\ journal' = Ranked(<<journal[kept]>>)
    /\ owed' = <<>>
    /\ up' = FALSE

Crash ==
    /\ crashes > 0
    /\ crashes' = crashes - 1
    /\ \E kept \in 1..Len(journal) : Crashed(kept)

Restart ==   \* QUE-04: it goes on from what survived; QUE-51: and forgets what it had to before it died
    /\ ~up
    /\ up' = TRUE
    /\ journal' = Ranked(Forgotten(Now).journal)
    /\ UNCHANGED <<owed, crashes>>

Tick ==
    /\ journal' = Passed(1)
    /\ UNCHANGED <<owed, up, crashes>>

-----------------------------------------------------------------------------
Init ==
    /\ journal = <<Empty>>
    /\ owed = <<>>
    /\ up = TRUE
    /\ crashes = CrashesMax

Next ==
    \/ Enqueue \/ EnqueueAgain \/ EnqueueFull
    \/ Claim \/ ClaimNothing
    \/ Ack \/ AckAgain \/ AckStale
    \/ Nack \/ NackLast \/ NackStale
    \/ Extend \/ ExtendStale
    \/ Kill \/ KillTooLate \/ KillNobody
    \/ Redrive \/ RedriveNothing \/ RedriveOne \/ RedriveNone
    \/ Sweep
    \/ LookReady \/ LookDelayed \/ LookLeased \/ LookDone \/ LookDead \/ LookUnknown
    \/ Expire \/ Sync \/ Tick
    \/ Crash \/ Restart

Safe == Init /\ [][Next]_vars

(* Time passes, timers fire in the end, syncs end, a node that died is started again. *)
Running == Safe /\ WF_vars(Tick) /\ WF_vars(Expire) /\ WF_vars(Sync) /\ WF_vars(Restart)

(* And workers go on asking: others may come first any number of times, but not for ever. *)
Working == Running /\ SF_vars(Claim)

-----------------------------------------------------------------------------
(* Safety *)

Images == {journal[prefix] : prefix \in DOMAIN journal}
Belief == journal[Len(journal)]

States == {"ready", "leased", "done", "dead"}
IsMessage(message) ==
    /\ message.in \in States
    /\ message.tries \in 0..AttemptsMax
    /\ message.token # 0 => message.in \in {"leased", "done"}
    /\ message.by # "" <=> message.in = "leased"

TypeIsRight ==
    /\ \A image \in Images : \A place \in Places(image) : IsMessage(image.messages[place])
    /\ \A output \in 1..Len(owed) : owed[output].after \in 1..(Len(journal) - 1)
    /\ crashes \in 0..CrashesMax
    /\ ~up => Len(journal) = 1 /\ owed = <<>>

IdsAreUnique ==   \* QUE-10
    \A image \in Images : Cardinality(Ids(image)) = Len(image.messages)

OneLiveTokenALease ==   \* QUE-14
    \A image \in Images : \A token \in Tokens :
        Cardinality({place \in Places(image) : Holds(image, place, token)}) <= 1

TokensAreNew ==   \* QUE-22: whatever bears a token bears one that was issued
    \A image \in Images : \A place \in Places(image) :
        image.messages[place].in \in {"leased", "done"} => image.messages[place].token < image.issued

OneLeasedAKey ==   \* QUE-30
    \A image \in Images : \A place, other \in Leased(image) : place # other => ~SameKey(image, place, other)

AttemptsAreBounded ==   \* QUE-40
    \A image \in Images : \A place \in Places(image) : image.messages[place].tries <= AttemptsMax

LeasedIsAnAttempt ==   \* QUE-40
    \A image \in Images : \A place \in Leased(image) : image.messages[place].tries >= 1

NumbersAreBounded ==   \* QUE-23, QUE-50, QUE-51, QUE-52
    \A image \in Images :
        /\ InFlightMax = 0 \/ Cardinality(Leased(image)) <= InFlightMax
        /\ WorkerMax = 0 \/ \A worker \in Workers : Cardinality(HeldBy(image, worker)) <= WorkerMax
        /\ Cardinality(Unfinished(image)) <= MessagesMax
        /\ Cardinality(image.dedup) <= DedupMax
        /\ Len(image.done) <= DoneMax + 1   \* the record that forgets follows the one that finishes

OwedInOrder ==   \* QUE-01
    \A first, second \in 1..Len(owed) : first <= second => owed[first].after <= owed[second].after

-----------------------------------------------------------------------------
(* Claims about steps *)

Remembers(image, id) == id \in Ids(image)
StateOf(image, id) == image.messages[PlaceOf(image, id)]

(* QUE-03: what is durable never goes back: whatever was told on the strength of it stays true. *)
Durable == journal[1]
DurableStands ==
    [][/\ Durable'.issued >= Durable.issued
       /\ \A id \in Ids(Durable) :
            \/ DoneMax < Cardinality(AllIds)   \* QUE-51: what is done may be forgotten, and put in anew
            \/ /\ id \in Ids(Durable')
               /\ StateOf(Durable, id).in = "done" => StateOf(Durable', id).in = "done"]_vars

(* QUE-01: an answer that is told is true of what is durable then.  Said at once is said with nothing waiting. *)
IsTrueOf(output, image) ==
    output.says = "claimed" =>
        \A nth \in 1..Len(output.of) : output.of[nth].token < image.issued
WhatIsToldIsDurable ==
    [][up' => \A output \in 1..(Len(owed) - Len(owed')) : IsTrueOf(owed[output], Durable')]_vars

(* QUE-14: a message leaves a lease only by its own token, by its end, or by being killed. *)
Leaves(id) ==
    /\ id \in Ids(Belief) /\ StateOf(Belief, id).in = "leased"
    /\ id \in Ids(Belief') /\ StateOf(Belief', id).in \in {"ready", "dead"}
LeasesEndInTime ==
    [][\A id \in AllIds : up /\ up' /\ Leaves(id) =>
        \/ StateOf(Belief, id).at <= 0
        \/ Nack \/ NackLast \/ Kill]_vars

(* QUE-41, QUE-44: attempts go up by one, or back to none by being redriven; a dead message stays dead else. *)
AttemptsStand ==
    [][\A id \in AllIds :
        up /\ up' /\ id \in Ids(Belief) /\ id \in Ids(Belief') =>
            \/ StateOf(Belief', id).tries \in {StateOf(Belief, id).tries, StateOf(Belief, id).tries + 1}
            \/ Redrive \/ RedriveOne]_vars
DeadStaysDead ==
    [][\A id \in AllIds :
        up /\ up' /\ id \in Ids(Belief) /\ StateOf(Belief, id).in = "dead" =>
            StateOf(Belief', id).in = "dead" \/ Redrive \/ RedriveOne]_vars

(* QUE-31: of one key, none is handed out before an earlier one that waits. *)
KeysKeepTheirOrder ==
    [][\A place \in Leased(Belief') :
        up /\ up' /\ place \notin Leased(Belief) /\ Len(Belief.messages) = Len(Belief'.messages) =>
            \A other \in 1..(place - 1) :
                SameKey(Belief', place, other) => Belief'.messages[other].in \in {"done", "dead"}]_vars

-----------------------------------------------------------------------------
(* Liveness *)

(* QUE-05: whatever waits for the disk is durable in the end, or dies with the process. *)
RecordsLast == \A id \in AllIds :
    (id \in Ids(Belief) /\ id \notin Ids(Durable)) ~> (id \in Ids(Durable) \/ id \notin Ids(Belief))

(* QUE-04 *)
ItComesBack == ~up ~> up

(* QUE-11: a lease ends, unless its holder makes it longer for ever. *)
IsLeased(id) == id \in Ids(Belief) /\ StateOf(Belief, id).in = "leased"
LeasesEnd == (\A id \in AllIds : IsLeased(id) ~> ~IsLeased(id)) \/ []<><<Extend>>_vars

(* QUE-24: a message that may be handed out is, while workers ask and tokens last. *)
IsAvailable(id) == id \in Ids(Belief) /\ PlaceOf(Belief, id) \in Available(Belief)
ReadyIsHandedOut == \A id \in AllIds :
    IsAvailable(id) ~> (IsLeased(id) \/ id \notin Ids(Belief) \/ ~IsAvailable(id) \/ Belief.issued = TokensMax)

=============================================================================
