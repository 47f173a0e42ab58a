--------------------------------- MODULE Lock ---------------------------------
(***************************************************************************)
(* A lease lock: a keeper with a disk that lags, clients that ask for it   *)
(* by messages, and one clock.  Written from README.md (LCK-..), not from  *)
(* the code.                                                               *)
(*                                                                         *)
(* What the keeper believes, and what would survive if it died now, is one *)
(* variable: the images that the prefixes of its journal add up to, from   *)
(* the durable one to the whole.  Whatever lasts is told by the ticks that *)
(* are left of it.                                                         *)
(***************************************************************************)
EXTENDS Integers, Sequences, FiniteSets

CONSTANTS
    Clients,        \* a set of numbers from 1
    LeaseTicks,     \* how long the keeper grants the lock
    MarginTicks,    \* how much less its holder counts
    RetryTicks,     \* after how long a question is asked again
    RequestsMax,    \* the world's own bounds: how often somebody asks,
    CrashesMax,     \* how often a process dies,
    DuplicatesMax,  \* how often a message comes twice,
    InFlightMax,    \* how many messages are under way at once; what is sent beyond is lost,
    TokensMax,      \* how many tokens are used up,
    DiskLags,       \* whether records wait for the disk, or are durable at once,
    TailMax         \* and how many may wait when the keeper is asked

VARIABLES
    journal,     \* the images that the prefixes of the keeper's journal add up to, from the durable one on
    owed,        \* grants that leave once the first so many records that wait are durable, in order
    keeperUp,    \* whether the keeper's process runs
    client,      \* what each client is in
    network,     \* the messages that are under way: a set, for a copy of one that is under way changes nothing
    requests,    \* how often somebody may still ask,
    crashes,     \* a process may still die,
    duplicates   \* and a message may still come twice

vars == <<journal, owed, keeperUp, client, network, requests, crashes, duplicates>>

ASSUME MarginTicks < LeaseTicks /\ RetryTicks >= 1

Most(a, b) == IF a >= b THEN a ELSE b

-----------------------------------------------------------------------------
(* The keeper's images.  Tokens count from 1; a lease without a token is none. *)

NoLease == [holder |-> 0, life |-> 0, number |-> 0, token |-> 0, left |-> 0]
Empty == [token |-> 0, lease |-> NoLease]

Durable == journal[1]
Belief == journal[Len(journal)]
IsLive(lease) == lease.left > 0

-----------------------------------------------------------------------------
(* Clients. *)

Fresh(life) ==
    [up |-> TRUE, life |-> life, number |-> 0, asks |-> FALSE, age |-> 0, renews |-> 0, retry |-> 0,
     token |-> 0, left |-> 0, last |-> 0]
Down(life) == [Fresh(life) EXCEPT !.up = FALSE]

Holds(one) == one.left > 0
LetGo(one) == [one EXCEPT !.token = 0, !.left = 0]
Answered(one) == [one EXCEPT !.asks = FALSE, !.age = 0, !.renews = 0, !.retry = 0]
IsItsQuestion(one, message) == one.asks /\ one.life = message.life /\ one.number = message.number

-----------------------------------------------------------------------------
(* Messages.  The client is the one end, the keeper the other. *)

Message(kind, of, life, number, token, lasts) ==
    [kind |-> kind, client |-> of, life |-> life, number |-> number, token |-> token, lasts |-> lasts]
(* LCK-03: what is sent may be lost. *)
Sent(under, message) == IF Cardinality(under) < InFlightMax THEN under \cup {message} ELSE under
RECURSIVE AllSent(_, _)
AllSent(under, messages) ==
    IF messages = <<>> THEN under ELSE AllSent(Sent(under, Head(messages)), Tail(messages))

Question(of) == Message("ask", of, client[of].life, client[of].number, client[of].renews, 0)
GivenBack(of, token) == Message("release", of, 0, 0, token, 0)

(* What is left under way once a message has come; it may come again. *)
Arrives(kind, taken(_, _)) ==
    \E message \in network :
        /\ message.kind = kind
        /\ \/ taken(message, network \ {message}) /\ UNCHANGED duplicates
           \/ duplicates > 0 /\ duplicates' = duplicates - 1 /\ taken(message, network)

UnchangedKeeper == UNCHANGED <<journal, owed, keeperUp>>
UnchangedBudgets == UNCHANGED <<requests, crashes>>

-----------------------------------------------------------------------------
(* Who asks. *)

Acquire ==   \* LCK-01: named by life and number; LCK-11: counted from before it is asked
    /\ requests > 0
    /\ \E one \in Clients :
        LET renews == client[one].token
            asking == [client[one] EXCEPT !.number = @ + 1, !.asks = TRUE, !.age = 0, !.renews = renews, !.retry = RetryTicks]
        IN  /\ client[one].up /\ ~client[one].asks
            /\ client' = [client EXCEPT ![one] = asking]
            /\ network' = Sent(network, Message("ask", one, asking.life, asking.number, renews, 0))
    /\ requests' = requests - 1
    /\ UnchangedKeeper
    /\ UNCHANGED <<crashes, duplicates>>

Release ==   \* LCK-14
    /\ requests > 0
    /\ \E one \in Clients :
        /\ client[one].up /\ Holds(client[one]) /\ ~client[one].asks
        /\ client' = [client EXCEPT ![one] = LetGo(@)]
        /\ network' = Sent(network, GivenBack(one, client[one].token))
    /\ requests' = requests - 1
    /\ UnchangedKeeper
    /\ UNCHANGED <<crashes, duplicates>>

Retry ==   \* LCK-02: the same question
    /\ \E one \in Clients :
        /\ client[one].asks /\ client[one].retry = 0
        /\ client' = [client EXCEPT ![one].retry = RetryTicks]
        /\ network' = Sent(network, Question(one))
    /\ UnchangedKeeper /\ UnchangedBudgets
    /\ UNCHANGED duplicates

(* LCK-12: counted from before it was asked, and less by the margin. *)
Remains(one, message) == Most(message.lasts - MarginTicks, 0) - one.age

Held(one, message) == [Answered(one) EXCEPT !.token = message.token, !.left = Remains(one, message), !.last = message.token]

Hears(kind, is(_, _), becomes(_, _), sends(_, _)) ==
    /\ LET taken(message, others) ==
            /\ client[message.client].up
            /\ is(client[message.client], message)
            /\ client' = [client EXCEPT ![message.client] = becomes(@, message)]
            /\ network' = sends(others, message)
       IN Arrives(kind, taken)
    /\ UnchangedKeeper /\ UnchangedBudgets

Nothing(others, message) == others
ItsRelease(others, message) == Sent(others, GivenBack(message.client, message.token))
Same(one, message) == one
Refused(one, message) == IF IsItsQuestion(one, message) THEN Answered(LetGo(one)) ELSE one

IsTimely(one, message) == IsItsQuestion(one, message) /\ Remains(one, message) > 0
IsOfNoUse(one, message) ==   \* LCK-13: too late, or nobody waits for it and its like was never held
    IF IsItsQuestion(one, message) THEN Remains(one, message) <= 0 ELSE message.token > one.last
IsKnown(one, message) == ~IsItsQuestion(one, message) /\ message.token <= one.last
IsForeign(one, message) == ~IsItsQuestion(one, message)

TakeUp        == /\ Hears("granted", IsTimely, Held, Nothing)
GiveBack      == /\ Hears("granted", IsOfNoUse, Refused, ItsRelease)
IgnoreGrant   == /\ Hears("granted", IsKnown, Same, Nothing)
GiveUp        == /\ Hears("denied", IsItsQuestion, Refused, Nothing)
IgnoreDenial  == /\ Hears("denied", IsForeign, Same, Nothing)

-----------------------------------------------------------------------------
(* Who keeps. *)

Lease(message, token, left) ==
    [holder |-> message.client, life |-> message.life, number |-> message.number, token |-> token, left |-> left]

IsAnswer(lease, message) ==
    lease.holder = message.client /\ lease.life = message.life /\ lease.number = message.number

(* LCK-21: the same question has the same answer.  LCK-22: who holds it may have it for longer. *)
(* LCK-20: else it is given while nobody holds it, under a new token.                          *)
Granted(message) ==
    LET lease == Belief.lease
    IN  CASE IsLive(lease) /\ IsAnswer(lease, message) -> lease
          [] IsLive(lease) /\ ~IsAnswer(lease, message) /\ message.token = lease.token ->
                [lease EXCEPT !.life = message.life, !.number = message.number, !.left = Most(LeaseTicks, @)]
          [] ~IsLive(lease) /\ message.token = 0 -> Lease(message, Belief.token + 1, LeaseTicks)
          [] OTHER -> NoLease

(* LCK-23: what is said leaves once it is durable. *)
Writes(image, answers, others) ==
    IF DiskLags
    THEN /\ journal' = Append(journal, image)
         /\ owed' = owed \o [nth \in DOMAIN answers |-> [message |-> answers[nth], after |-> Len(journal)]]
         /\ network' = others
    ELSE /\ journal' = <<image>>
         /\ network' = AllSent(others, answers)
         /\ UNCHANGED owed

KeeperIsAsked == keeperUp /\ Len(journal) <= TailMax

(* Every old question that comes late uses up a token. *)
TokensLast == IsLive(Belief.lease) \/ Belief.token < TokensMax

Grant ==
    /\ KeeperIsAsked /\ TokensLast
    /\ LET taken(message, others) ==
            LET lease == Granted(message)
                answer == Message("granted", message.client, message.life, message.number, lease.token, lease.left)
            IN  /\ lease # NoLease
                /\ Writes([token |-> lease.token, lease |-> lease], <<answer>>, others)
       IN Arrives("ask", taken)
    /\ UnchangedBudgets
    /\ UNCHANGED <<keeperUp, client>>

Deny ==   \* LCK-24: it need not wait
    /\ KeeperIsAsked /\ TokensLast
    /\ LET taken(message, others) ==
            /\ Granted(message) = NoLease
            /\ network' = Sent(others, Message("denied", message.client, message.life, message.number, 0, 0))
       IN Arrives("ask", taken)
    /\ UnchangedKeeper /\ UnchangedBudgets
    /\ UNCHANGED client

Free ==   \* LCK-25
    /\ KeeperIsAsked
    /\ LET taken(message, others) ==
            /\ message.token = Belief.lease.token
            /\ Writes([Belief EXCEPT !.lease = NoLease], <<>>, others)
       IN Arrives("release", taken)
    /\ UnchangedBudgets
    /\ UNCHANGED <<keeperUp, client>>

IgnoreRelease ==
    /\ KeeperIsAsked
    /\ LET taken(message, others) ==
            /\ message.token # Belief.lease.token
            /\ network' = others
       IN Arrives("release", taken)
    /\ UnchangedKeeper /\ UnchangedBudgets
    /\ UNCHANGED client

Sync ==
    /\ keeperUp
    /\ \E records \in 1..(Len(journal) - 1) :
        LET leaves == SelectSeq(owed, LAMBDA grant : grant.after <= records)
            stays == SelectSeq(owed, LAMBDA grant : grant.after > records)
        IN  /\ journal' = SubSeq(journal, records + 1, Len(journal))
            /\ owed' = [nth \in DOMAIN stays |-> [stays[nth] EXCEPT !.after = @ - records]]
            /\ network' = AllSent(network, [nth \in DOMAIN leaves |-> leaves[nth].message])
    /\ UnchangedBudgets
    /\ UNCHANGED <<keeperUp, client, duplicates>>

-----------------------------------------------------------------------------
(* Processes die and come back; time passes. *)

KeeperDies ==   \* LCK-30: any suffix of what was not synced is lost
    /\ crashes > 0 /\ keeperUp
    /\ \E kept \in 1..Len(journal) : journal' = <<journal[kept]>>
    /\ owed' = <<>>
    /\ keeperUp' = FALSE
    /\ crashes' = crashes - 1
    /\ UNCHANGED <<client, network, requests, duplicates>>

KeeperReturns ==
    /\ ~keeperUp
    /\ keeperUp' = TRUE
    /\ UNCHANGED <<journal, owed, client, network, requests, crashes, duplicates>>

ClientDies ==   \* LCK-31: it forgets everything but how often it has started
    /\ crashes > 0
    /\ \E one \in Clients : client[one].up /\ client' = [client EXCEPT ![one] = Down(@.life)]
    /\ crashes' = crashes - 1
    /\ UnchangedKeeper
    /\ UNCHANGED <<network, requests, duplicates>>

ClientReturns ==
    /\ \E one \in Clients : ~client[one].up /\ client' = [client EXCEPT ![one] = Fresh(@.life + 1)]
    /\ UnchangedKeeper /\ UnchangedBudgets
    /\ UNCHANGED <<network, duplicates>>

Less(ticks) == IF ticks > 0 THEN ticks - 1 ELSE 0
LaterImage(image) == [image EXCEPT !.lease.left = Less(@)]

(* A question that is as old as a lease is as good as one that is older. *)
LaterClient(one) ==
    LET waiting ==
            IF one.asks THEN [one EXCEPT !.age = IF @ < LeaseTicks THEN @ + 1 ELSE @, !.retry = Less(@)] ELSE one
    IN  IF one.left = 1 THEN LetGo(waiting) ELSE [waiting EXCEPT !.left = Less(@)]   \* LCK-10

Tick ==
    /\ journal' = [prefix \in DOMAIN journal |-> LaterImage(journal[prefix])]
    /\ client' = [one \in Clients |-> LaterClient(client[one])]
    /\ UnchangedBudgets
    /\ UNCHANGED <<owed, keeperUp, network, duplicates>>

-----------------------------------------------------------------------------
Init ==
    /\ journal = <<Empty>>
    /\ owed = <<>>
    /\ keeperUp = TRUE
    /\ client = [one \in Clients |-> Fresh(1)]
    /\ network = {}
    /\ requests = RequestsMax
    /\ crashes = CrashesMax
    /\ duplicates = DuplicatesMax

Next ==
    \/ Acquire \/ Release \/ Retry
    \/ TakeUp \/ GiveBack \/ IgnoreGrant \/ GiveUp \/ IgnoreDenial
    \/ Grant \/ Deny \/ Free \/ IgnoreRelease
    \/ Sync \/ Tick
    \/ KeeperDies \/ KeeperReturns \/ ClientDies \/ ClientReturns

Safe == Init /\ [][Next]_vars

-----------------------------------------------------------------------------
(* Safety *)

TypeIsRight ==
    /\ \A prefix \in DOMAIN journal : journal[prefix].lease.left \in 0..LeaseTicks
    /\ \A one \in Clients : client[one].left \in 0..(LeaseTicks - MarginTicks) /\ client[one].age \in 0..LeaseTicks
    /\ \A nth \in DOMAIN owed : owed[nth].after \in 1..(Len(journal) - 1)

OneHolder ==   \* LCK-10
    Cardinality({one \in Clients : Holds(client[one])}) <= 1

HoldsInsideTheLease ==   \* LCK-12
    \A one \in Clients : Holds(client[one]) =>
        /\ Durable.lease.token = client[one].token
        /\ Durable.lease.left >= client[one].left

GrantsAreDurable ==   \* LCK-23
    \A message \in network : message.kind = "granted" => message.token <= Durable.token

TokensAreGrantedInOrder ==   \* LCK-20
    \A one \in DOMAIN journal, other \in DOMAIN journal :
        one <= other => journal[one].token <= journal[other].token

TokensOnlyRise ==   \* LCK-20
    [][Durable'.token >= Durable.token]_vars

HoldsBeginWithAGrant ==   \* LCK-12
    [][\A one \in Clients : ~Holds(client[one]) /\ Holds(client'[one]) => TakeUp]_vars

=============================================================================
