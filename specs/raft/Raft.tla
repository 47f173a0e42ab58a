--------------------------------- MODULE Raft ---------------------------------
(***************************************************************************)
(* Replicas that elect leaders and replicate a log over disks that lag,    *)
(* written from the requirements in README.md (RFT-..), not from the code. *)
(*                                                                         *)
(* What a replica wrote is one variable: the images that the prefixes of   *)
(* its journal add up to, from the durable prefix to the whole.  The first *)
(* is what its disk keeps, the last is what it goes by, and a crash keeps  *)
(* any one of them.                                                        *)
(*                                                                         *)
(* A log is the sequence of its entries' terms: an index and a term are    *)
(* the name of an entry.  Messages are a set that only grows: each may     *)
(* come late, twice, in any order or never.  Timers may fire at any        *)
(* moment.                                                                 *)
(***************************************************************************)
EXTENDS Integers, Sequences, FiniteSets

CONSTANTS
    Seeds,          \* what stands on the disks: a set of [node, term, vote, log, commit], one for each of the nodes 1..n
    PreVote,        \* whether an election is preceded by a poll
    Candidates,     \* whose election timers fire
    Lagging,        \* whose disks lag; those of the others are as fast as their steps
    Mortals,        \* who crashes
    Heard,          \* which kinds of messages come at all
    TermsMax,       \* the world's own bounds: no election begins a later term,
    HeartbeatsMax,  \* a leader sends so many heartbeats,
    ProposalsMax,   \* so many commands are proposed,
    CrashesMax,     \* there are so many crashes,
    TailMax         \* and nobody goes on while so many records wait for its disk

VARIABLES
    journal,    \* of each node: the images that the prefixes of its journal add up to, from the durable one on
    owed,       \* of each node: what is said once the first so many records that wait are durable, in order
    own,        \* of each node: what it has said to itself and not heard yet
    mind,       \* of each node: what it knows besides, and forgets when it dies
    messages,   \* whatever was said to others
    proposals,  \* how many commands may still be proposed
    crashes     \* how many crashes there may still be

vars == <<journal, owed, own, mind, messages, proposals, crashes>>

Nodes == 1..Cardinality(Seeds)
Nobody == 0
Majority == Cardinality(Nodes) \div 2 + 1

ASSUME {seed.node : seed \in Seeds} = Nodes
ASSUME Candidates \subseteq Nodes /\ Lagging \subseteq Nodes /\ Mortals \subseteq Nodes /\ PreVote \in BOOLEAN

Most(a, b) == IF a >= b THEN a ELSE b
Least(a, b) == IF a <= b THEN a ELSE b

-----------------------------------------------------------------------------
(* Logs. *)

TermAt(log, index) == IF index = 0 THEN 0 ELSE log[index]
At(log, index) == [index |-> index, term |-> TermAt(log, index)]
LastOf(log) == At(log, Len(log))
Has(log, at) == at.index <= Len(log) /\ TermAt(log, at.index) = at.term

(* RFT-12 *)
IsUpToDate(last, log) ==
    \/ last.term > LastOf(log).term
    \/ last.term = LastOf(log).term /\ last.index >= Len(log)

(* RFT-34: the last entry up to an index whose term is no later than this one. *)
Fitting(log, index, term) == {place \in 1..Least(index, Len(log)) : log[place] <= term}
LastAtMost(log, index, term) ==
    IF Fitting(log, index, term) = {} THEN At(log, 0)
    ELSE At(log, CHOOSE place \in Fitting(log, index, term) :
                    \A other \in Fitting(log, index, term) : other <= place)

(* Of entries that begin at an index, those that the log has already. *)
RECURSIVE Known(_, _, _)
Known(log, first, entries) ==
    IF entries = <<>> \/ ~Has(log, [index |-> first, term |-> Head(entries)]) THEN 0
    ELSE 1 + Known(log, first + 1, Tail(entries))

IsPrefix(short, long) == Len(short) <= Len(long) /\ \A place \in 1..Len(short) : short[place] = long[place]

-----------------------------------------------------------------------------
(* What a step does, written down piece by piece. *)

Work(node) ==
    [node |-> node, images |-> journal[node], owed |-> owed[node], own |-> own[node], mind |-> mind[node], said |-> {}]

Image(work) == work.images[Len(work.images)]
Log(work) == Image(work).log
Term(work) == Image(work).term
Others(work) == Nodes \ {work.node}

Written(work, image) == [work EXCEPT !.images = Append(@, image)]

(* Said at once. *)
Says(work, message) ==
    IF message.to = work.node THEN [work EXCEPT !.own = Append(@, message)]
    ELSE [work EXCEPT !.said = @ \cup {message}]

(* RFT-01: said once every record before it is durable. *)
SaysDurably(work, message) ==
    LET after == Len(work.images) - 1
    IN  IF after = 0 THEN Says(work, message)
        ELSE [work EXCEPT !.owed = Append(@, [message |-> message, after |-> after])]

RECURSIVE SaidAll(_, _)
SaidAll(work, outputs) ==
    IF outputs = <<>> THEN work ELSE SaidAll(Says(work, Head(outputs).message), Tail(outputs))

(* So many records become durable, and what waited for no later one is said. *)
Synced(work, records) ==
    LET left == SelectSeq(work.owed, LAMBDA output : output.after > records)
        free == SubSeq(work.owed, 1, Len(work.owed) - Len(left))
        later == [place \in DOMAIN left |-> [left[place] EXCEPT !.after = @ - records]]
    IN  SaidAll([work EXCEPT !.images = SubSeq(@, records + 1, Len(@)), !.owed = later], free)

Becomes(work) ==
    LET after == IF work.node \in Lagging THEN work ELSE Synced(work, Len(work.images) - 1)
    IN  /\ journal' = [journal EXCEPT ![work.node] = after.images]
        /\ owed' = [owed EXCEPT ![work.node] = after.owed]
        /\ own' = [own EXCEPT ![work.node] = after.own]
        /\ mind' = [mind EXCEPT ![work.node] = after.mind]
        /\ messages' = messages \cup after.said

-----------------------------------------------------------------------------
(* Minds. *)

Minded(role, leader, commit) ==
    [role |-> role, leader |-> leader, commit |-> commit, granted |-> {}, refused |-> {}, round |-> 0, progress |-> <<>>]
Asleep == Minded("down", Nobody, 0)
Awake(image) == Minded("follower", Nobody, image.commit)   \* RFT-04

Becoming(work, role, leader) == [work EXCEPT !.mind = Minded(role, leader, @.commit)]

(* RFT-10: whoever hears of a later term enters it, and stands or leads no more. *)
Entered(work, term) ==
    IF term <= Term(work) THEN work
    ELSE Becoming(Written(work, [Image(work) EXCEPT !.term = term, !.vote = Nobody]), "follower", Nobody)

-----------------------------------------------------------------------------
(* A leader sends. *)

AppendFor(work, to, round, prev, entries) ==
    [kind |-> "append", from |-> work.node, to |-> to, term |-> Term(work), round |-> round,
     prev |-> At(Log(work), prev), entries |-> entries, commit |-> work.mind.commit]

(* What a member was told: a probe's message may never come. *)
Told(work, one, upTo) ==
    IF one.pace = "stream" THEN [one EXCEPT !.told = Most(@, Least(work.mind.commit, upTo))] ELSE one

(* RFT-31: while it is not known where a log agrees, one message at a time; then one after another. *)
SentEntries(work, to) ==
    LET one == work.mind.progress[to]
        last == Len(Log(work))
        message == AppendFor(work, to, work.mind.round, one.next - 1, SubSeq(Log(work), one.next, last))
        after == IF one.pace = "probe" THEN [one EXCEPT !.pace = "probed"]
                 ELSE Told(work, [one EXCEPT !.next = last + 1], last)
    IN  IF one.next > last \/ one.pace = "probed" THEN work
        ELSE Says([work EXCEPT !.mind.progress[to] = after], message)

SentNothing(work, to, round) ==
    LET one == work.mind.progress[to]
    IN  Says([work EXCEPT !.mind.progress[to] = Told(work, one, one.next - 1)],
             AppendFor(work, to, round, one.next - 1, <<>>))

(* RFT-35: what is committed is told, with entries or without. *)
ToldCommit(work, to) ==
    LET one == work.mind.progress[to]
    IN  IF one.pace = "stream" /\ one.told < Least(work.mind.commit, one.next - 1)
        THEN SentNothing(work, to, 0) ELSE work

RECURSIVE Replicated(_, _)
Replicated(work, members) ==
    IF members = {} THEN work
    ELSE LET to == CHOOSE member \in members : TRUE
         IN  Replicated(ToldCommit(SentEntries(work, to), to), members \ {to})

RECURSIVE AllSentNothing(_, _)
AllSentNothing(work, members) ==
    IF members = {} THEN work
    ELSE LET to == CHOOSE member \in members : TRUE
         IN  AllSentNothing(SentNothing(work, to, work.mind.round), members \ {to})

(* RFT-40, RFT-41: what a majority has durably is committed, if it ends with an entry of the leader's own term. *)
HaveDurably(work, index) == {node \in Nodes : work.mind.progress[node].matched >= index}
IsReached(work, index) ==
    /\ index > work.mind.commit
    /\ Cardinality(HaveDurably(work, index)) >= Majority
    /\ Log(work)[index] = Term(work)
Advanced(work) ==
    LET reached == {index \in 1..Len(Log(work)) : IsReached(work, index)}
    IN  IF reached = {} THEN work
        ELSE [work EXCEPT !.mind.commit = CHOOSE index \in reached : \A other \in reached : other <= index]

(* A leader's entry goes to its own disk and to the others at the same time. *)
Appended(work) ==
    LET image == Image(work)
        log == Append(image.log, image.term)
        written == Written(work, [image EXCEPT !.log = log, !.commit = Most(@, work.mind.commit)])
        stored == [kind |-> "stored", from |-> work.node, to |-> work.node, term |-> image.term, at |-> LastOf(log)]
    IN  Replicated(SaysDurably(written, stored), Others(work))

(* RFT-14: a leader begins its term with an entry of its own. *)
Leading(work) ==
    LET next == Len(Log(work)) + 1
        unknown == [matched |-> 0, next |-> next, pace |-> "probe", told |-> 0]
        itself == [matched |-> 0, next |-> 0, pace |-> "own", told |-> 0]
        seats == [node \in Nodes |-> IF node = work.node THEN itself ELSE unknown]
    IN  Appended([Becoming(work, "leader", work.node) EXCEPT !.mind.progress = seats, !.mind.round = 1])

-----------------------------------------------------------------------------
(* Elections. *)

Question(work, kind, term) ==
    [kind |-> kind, from |-> work.node, to |-> Nobody, term |-> term, last |-> LastOf(Log(work))]
Voted(work, to, term, granted) ==
    [kind |-> "voted", from |-> work.node, to |-> to, term |-> term, granted |-> granted]

(* Those who are asked in the order of their numbers: what waits for a disk has an order. *)
RECURSIVE AskedFrom(_, _, _)
AskedFrom(work, node, question) ==
    LET asked == [question EXCEPT !.to = node]
    IN  IF node > Cardinality(Nodes) THEN work
        ELSE IF node = work.node THEN AskedFrom(work, node + 1, question)
        ELSE AskedFrom(IF question.kind = "vote" THEN SaysDurably(work, asked) ELSE Says(work, asked), node + 1, question)

(* RFT-11, RFT-02: the next term, and one's own vote; both wait for the disk. *)
Standing(work) ==
    LET term == Term(work) + 1
        written == Written(Becoming(work, "candidate", Nobody), [Image(work) EXCEPT !.term = term, !.vote = work.node])
    IN  AskedFrom(SaysDurably(written, Voted(work, work.node, term, TRUE)), 1, Question(work, "vote", term))

(* RFT-20: who would vote?  Nothing changes. *)
AskingAround(work) ==
    LET asking == [Becoming(work, "pre_candidate", Nobody) EXCEPT !.mind.granted = {work.node}]
    IN  AskedFrom(asking, 1, Question(work, "pre_vote", Term(work) + 1))

(* RFT-13: a vote that was given stays so; a refusal may be the answer to a request of an earlier term. *)
Noted(work, from, granted) ==
    IF granted THEN [work EXCEPT !.mind.granted = @ \cup {from}]
    ELSE [work EXCEPT !.mind.refused = @ \cup {from}]
IsWon(work) == Cardinality(work.mind.granted) >= Majority
IsLost(work) == Cardinality(Nodes) - Cardinality(work.mind.refused) < Majority

OnVoted(work, message) ==
    LET noted == Noted(work, message.from, message.granted)
    IN  IF work.mind.role # "candidate" \/ message.term # Term(work) THEN work
        ELSE IF IsWon(noted) THEN Leading(noted)
        ELSE IF IsLost(noted) THEN Becoming(noted, "follower", work.mind.leader)
        ELSE noted

(* RFT-11, RFT-12, RFT-15: one vote a term; for nobody who lacks what this log has, or once a leader of the term is known. *)
IsGranted(work, message) ==
    /\ IsUpToDate(message.last, Log(work))
    /\ Image(work).vote = message.from \/ (Image(work).vote = Nobody /\ work.mind.leader = Nobody)
OnVote(work, message) ==
    LET voting == IF Image(work).vote = message.from THEN work
                  ELSE Written(work, [Image(work) EXCEPT !.vote = message.from])
        word(granted) == Voted(work, message.from, Term(work), granted)
    IN  IF message.term = Term(work) /\ IsGranted(work, message) THEN SaysDurably(voting, word(TRUE))
        ELSE Says(work, word(FALSE))

(* RFT-21, RFT-22 *)
OnPreVote(work, message) ==
    LET granted == message.term > Term(work) /\ IsUpToDate(message.last, Log(work))
    IN  Says(work, [kind |-> "pre_voted", from |-> work.node, to |-> message.from,
                    term |-> IF granted THEN message.term ELSE Term(work), granted |-> granted])

OnPreVoted(work, message) ==
    LET noted == Noted(work, message.from, message.granted)
        isMeant == ~message.granted \/ message.term = Term(work) + 1
    IN  IF work.mind.role # "pre_candidate" \/ ~isMeant THEN work
        ELSE IF IsWon(noted) THEN Standing(noted)
        ELSE IF IsLost(noted) THEN Becoming(noted, "follower", work.mind.leader)
        ELSE noted

-----------------------------------------------------------------------------
(* A follower takes entries. *)

(* RFT-33: what is there stays; only from a real conflict on anything is replaced. *)
Took(work, first, entries) ==
    LET known == Known(Log(work), first, entries)
        kept == SubSeq(Log(work), 1, first + known - 1)
    IN  IF known = Len(entries) THEN work
        ELSE Written(work, [Image(work) EXCEPT !.log = kept \o SubSeq(entries, known + 1, Len(entries)),
                                                !.commit = Most(@, work.mind.commit)])

Acknowledged(work, message, matched) ==   \* RFT-03, RFT-35
    LET learnt == [work EXCEPT !.mind.commit = Most(@, Least(message.commit, matched))]
        word == [kind |-> "appended", from |-> work.node, to |-> message.from, term |-> Term(work),
                 round |-> message.round, matched |-> matched]
    IN  IF message.round = 0 /\ message.entries = <<>> THEN learnt ELSE SaysDurably(learnt, word)

Refused(work, message, round) ==   \* RFT-34
    Says(work, [kind |-> "not_appended", from |-> work.node, to |-> message.from, term |-> Term(work),
                round |-> round, prev |-> message.prev.index,
                hint |-> LastAtMost(Log(work), message.prev.index, message.prev.term)])

(* What is committed here every leader has: only what is behind it is looked at. *)
TookBehindCommit(work, message) ==
    LET known == Least(work.mind.commit - message.prev.index, Len(message.entries))
        rest == SubSeq(message.entries, known + 1, Len(message.entries))
        end == message.prev.index + Len(message.entries)
    IN  Acknowledged(Took(work, message.prev.index + known + 1, rest), message, Most(end, work.mind.commit))

OnAppend(work, message) ==
    LET following == Becoming(work, "follower", message.from)
    IN  IF message.term < Term(work) THEN Refused(work, message, 0)
        ELSE IF work.mind.role = "leader" THEN work
        ELSE IF message.prev.index < work.mind.commit THEN TookBehindCommit(following, message)
        ELSE IF ~Has(Log(work), message.prev) THEN Refused(following, message, message.round)   \* RFT-32
        ELSE Acknowledged(Took(following, message.prev.index + 1, message.entries), message,
                message.prev.index + Len(message.entries))

-----------------------------------------------------------------------------
(* A leader hears of its followers. *)

IsAnswered(work, message) == work.mind.role = "leader" /\ message.term = Term(work)

OnAppended(work, message) ==
    LET one == work.mind.progress[message.from]
        matched == Most(one.matched, message.matched)
        heard == [one EXCEPT !.matched = matched, !.next = Most(@, matched + 1), !.pace = "stream"]
    IN  IF ~IsAnswered(work, message) \/ message.matched > Len(Log(work)) THEN work
        ELSE Replicated(Advanced([work EXCEPT !.mind.progress[message.from] = heard]), Others(work))

(* RFT-34: back to where the logs may agree; what was acknowledged stays so.  A word of the past changes nothing. *)
OnNotAppended(work, message) ==
    LET one == work.mind.progress[message.from]
        isOld == IF one.pace = "stream" THEN message.prev <= one.matched ELSE message.prev + 1 # one.next
        possible == LastAtMost(Log(work), message.hint.index, message.hint.term).index
        next == Least(possible, message.prev - 1) + 1
        back == [one EXCEPT !.next = Most(next, one.matched + 1), !.pace = "probe"]
    IN  IF ~IsAnswered(work, message) \/ isOld THEN work
        ELSE Replicated([work EXCEPT !.mind.progress[message.from] = back], {message.from})

OnStored(work, message) ==   \* RFT-42
    LET stored == [work EXCEPT !.mind.progress[work.node].matched = Most(@, message.at.index)]
    IN  IF ~IsAnswered(work, message) \/ ~Has(Log(work), message.at) THEN work
        ELSE LET advanced == Advanced(stored)
             IN  IF advanced = stored THEN stored ELSE Replicated(advanced, Others(work))

-----------------------------------------------------------------------------
(* The world. *)

IsUp(node) == mind[node].role # "down"
IsQuiet == \A node \in Nodes : own[node] = <<>>   \* whoever has said something to itself hears that first
IsFree(node) == IsUp(node) /\ IsQuiet /\ Len(journal[node]) <= TailMax
TermOf(node) == journal[node][Len(journal[node])].term
Leads(node) == mind[node].role = "leader"

Undisturbed == UNCHANGED <<proposals, crashes>>
Comes(kind) == {message \in messages : message.kind = kind /\ kind \in Heard /\ IsFree(message.to)}

Timeout ==   \* RFT-16
    /\ Undisturbed
    /\ \E node \in Candidates :
        /\ IsFree(node) /\ ~Leads(node) /\ TermOf(node) < TermsMax
        /\ Becomes(IF PreVote THEN AskingAround(Work(node)) ELSE Standing(Work(node)))

HandlePreVote ==
    /\ Undisturbed
    /\ \E message \in Comes("pre_vote") :
        Becomes(OnPreVote(Work(message.to), message))

(* RFT-23: a refusal in a later term ends the poll; a grant's term has not begun. *)
HandlePreVoted ==
    /\ Undisturbed
    /\ \E message \in Comes("pre_voted") :
        LET work == IF message.granted THEN Work(message.to) ELSE Entered(Work(message.to), message.term)
        IN  Becomes(OnPreVoted(work, message))

Handled(message) == Entered(Work(message.to), message.term)

HandleVote ==
    /\ Undisturbed
    /\ \E message \in Comes("vote") :
        Becomes(OnVote(Handled(message), message))
HandleVoted ==
    /\ Undisturbed
    /\ \E message \in Comes("voted") :
        Becomes(OnVoted(Handled(message), message))
HandleAppend ==
    /\ Undisturbed
    /\ \E message \in Comes("append") :
        Becomes(OnAppend(Handled(message), message))
HandleAppended ==
    /\ Undisturbed
    /\ \E message \in Comes("appended") :
        Becomes(OnAppended(Handled(message), message))
HandleNotAppended ==
    /\ Undisturbed
    /\ \E message \in Comes("not_appended") :
        Becomes(OnNotAppended(Handled(message), message))

HearOneself ==   \* RFT-05
    /\ Undisturbed
    /\ \E node \in Nodes :
        /\ IsUp(node) /\ own[node] # <<>>
        /\ LET message == Head(own[node])
               work == [Work(node) EXCEPT !.own = Tail(@)]
           IN  Becomes(IF message.kind = "voted" THEN OnVoted(work, message) ELSE OnStored(work, message))

Heartbeat ==   \* RFT-36
    /\ Undisturbed
    /\ \E node \in Nodes :
        /\ IsFree(node) /\ Leads(node) /\ mind[node].round <= HeartbeatsMax
        /\ LET work == [Work(node) EXCEPT !.mind.round = @ + 1] IN Becomes(AllSentNothing(work, Others(work)))

Propose ==   \* RFT-30
    /\ proposals > 0
    /\ proposals' = proposals - 1
    /\ UNCHANGED crashes
    /\ \E node \in Nodes : IsFree(node) /\ Leads(node) /\ Becomes(Appended(Work(node)))

Sync ==
    /\ Undisturbed
    /\ \E node \in Lagging : \E records \in 1..(Len(journal[node]) - 1) :
        IsUp(node) /\ IsQuiet /\ Becomes(Synced(Work(node), records))

Crash ==   \* RFT-04: any suffix of what was not synced is lost, and all that it only knew
    /\ crashes > 0 /\ IsQuiet
    /\ crashes' = crashes - 1
    /\ \E node \in Mortals : \E kept \in 1..Len(journal[node]) :
        /\ IsUp(node)
        /\ journal' = [journal EXCEPT ![node] = <<journal[node][kept]>>]
        /\ owed' = [owed EXCEPT ![node] = <<>>]
        /\ own' = [own EXCEPT ![node] = <<>>]
        /\ mind' = [mind EXCEPT ![node] = Asleep]
    /\ UNCHANGED <<messages, proposals>>

Restart ==   \* RFT-04: that a process begins is a record too
    /\ Undisturbed
    /\ \E node \in Nodes :
        /\ ~IsUp(node) /\ IsQuiet
        /\ LET image == journal[node][1]
           IN  Becomes(Written([Work(node) EXCEPT !.mind = Awake(image)], image))

-----------------------------------------------------------------------------
Seed(node) == CHOOSE seed \in Seeds : seed.node = node
FirstImage(node) ==
    [term |-> Seed(node).term, vote |-> Seed(node).vote, log |-> Seed(node).log, commit |-> Seed(node).commit]

Init ==
    /\ journal = [node \in Nodes |-> <<FirstImage(node)>>]
    /\ owed = [node \in Nodes |-> <<>>]
    /\ own = [node \in Nodes |-> <<>>]
    /\ mind = [node \in Nodes |-> Awake(FirstImage(node))]
    /\ messages = {}
    /\ proposals = ProposalsMax
    /\ crashes = CrashesMax

Next ==
    \/ Timeout
    \/ HandlePreVote \/ HandlePreVoted
    \/ HandleVote \/ HandleVoted
    \/ HandleAppend \/ HandleAppended \/ HandleNotAppended
    \/ HearOneself
    \/ Heartbeat \/ Propose
    \/ Sync
    \/ Crash \/ Restart

Safe == Init /\ [][Next]_vars

(* Timers fire in the end, messages come in the end, syncs end, and a process that died is started again. *)
Fair ==
    /\ Safe
    /\ WF_vars(Timeout)
    /\ WF_vars(HandleVote) /\ WF_vars(HandleVoted)
    /\ WF_vars(HandleAppend) /\ WF_vars(HandleAppended) /\ WF_vars(HandleNotAppended)
    /\ WF_vars(HearOneself) /\ WF_vars(Heartbeat)
    /\ WF_vars(Sync) /\ WF_vars(Restart)

-----------------------------------------------------------------------------
(* Safety *)

Images(node) == {journal[node][prefix] : prefix \in DOMAIN journal[node]}
AllImages == UNION {Images(node) : node \in Nodes}
Believed(node) == journal[node][Len(journal[node])]
Durable(node) == journal[node][1]
CommitOf(node) == IF IsUp(node) THEN mind[node].commit ELSE Durable(node).commit
Committed(node) == SubSeq(Believed(node).log, 1, CommitOf(node))

Roles == {"down", "follower", "pre_candidate", "candidate", "leader"}
TypeIsRight ==
    /\ \A node \in Nodes :
        /\ mind[node].role \in Roles
        /\ mind[node].granted \subseteq Nodes /\ mind[node].refused \subseteq Nodes
        /\ CommitOf(node) <= Len(Believed(node).log)
        /\ \A output \in 1..Len(owed[node]) : owed[node][output].after \in 1..(Len(journal[node]) - 1)
        /\ ~IsUp(node) => Len(journal[node]) = 1 /\ owed[node] = <<>> /\ own[node] = <<>>
        /\ node \notin Lagging => Len(journal[node]) = 1
    /\ \A image \in AllImages : image.vote \in Nodes \cup {Nobody} /\ image.commit <= Len(image.log)

Said(kind) == {message \in messages : message.kind = kind}

(* RFT-50: whoever said what only a leader says was the leader. *)
ElectionSafety ==
    /\ \A one, other \in Said("append") : one.term = other.term => one.from = other.from
    /\ \A node \in Nodes : Leads(node) =>
        \A message \in Said("append") : message.term = TermOf(node) => message.from = node
    /\ \A one, other \in Nodes : Leads(one) /\ Leads(other) /\ TermOf(one) = TermOf(other) => one = other

(* RFT-51 *)
LogMatching ==
    \A one, other \in AllImages : \A index \in 1..Least(Len(one.log), Len(other.log)) :
        one.log[index] = other.log[index] => SubSeq(one.log, 1, index) = SubSeq(other.log, 1, index)

TermsRiseAlongLogs ==   \* RFT-51
    \A image \in AllImages :
        /\ \A index \in 2..Len(image.log) : image.log[index - 1] <= image.log[index]
        /\ \A index \in 1..Len(image.log) : image.log[index] <= image.term

(* RFT-52: what anybody up to a leader's term knows to be committed, the leader has. *)
LeaderCompleteness ==
    \A leader, node \in Nodes :
        Leads(leader) /\ TermOf(node) <= TermOf(leader) => IsPrefix(Committed(node), Believed(leader).log)

(* RFT-53 *)
StateMachineSafety ==
    \A one, other \in Nodes :
        IsPrefix(Committed(one), Committed(other)) \/ IsPrefix(Committed(other), Committed(one))

(* RFT-40 *)
CommittedIsDurable ==
    \A node \in Nodes :
        Cardinality({other \in Nodes : IsPrefix(Committed(node), Durable(other).log)}) >= Majority

(* RFT-02 *)
IsVoteKept(voter, term, candidate) ==
    \/ Durable(voter).term > term
    \/ Durable(voter).term = term /\ Durable(voter).vote = candidate
VotesAreDurable ==
    /\ \A message \in Said("voted") : message.granted => IsVoteKept(message.from, message.term, message.to)
    /\ \A message \in Said("vote") : IsVoteKept(message.from, message.term, message.from)
    /\ \A node \in Nodes : \A place \in 1..Len(own[node]) :
        own[node][place].kind = "voted" => IsVoteKept(node, own[node][place].term, node)

(* RFT-03 *)
AcknowledgedIsDurable ==
    /\ \A message \in Said("appended") :
        \/ Durable(message.from).term > message.term
        \/ Durable(message.from).term = message.term /\ Len(Durable(message.from).log) >= message.matched
    /\ \A node \in Nodes : Leads(node) => mind[node].progress[node].matched <= Len(Durable(node).log)

(* RFT-42: a leader knows no more of a member than that has. *)
MatchedIsThere ==
    \A leader \in Nodes : Leads(leader) =>
        \A node \in Nodes : TermOf(node) = TermOf(leader) =>
            IsPrefix(SubSeq(Believed(leader).log, 1, mind[leader].progress[node].matched), Durable(node).log)

OwedInOrder ==   \* RFT-01
    \A node \in Nodes : \A first, second \in 1..Len(owed[node]) :
        first <= second => owed[node][first].after <= owed[node][second].after

-----------------------------------------------------------------------------
(* Claims about steps *)

(* RFT-43 *)
CommitNeverFalls ==
    [][\A node \in Nodes : IsUp(node) /\ IsUp(node)' =>
        /\ mind'[node].commit >= mind[node].commit
        /\ IsPrefix(Committed(node), Believed(node)'.log)]_vars

(* RFT-11: not even by a crash. *)
DurableVotesStand ==
    [][\A node \in Nodes :
        /\ Durable(node)'.term >= Durable(node).term
        /\ Durable(node)'.term = Durable(node).term /\ Durable(node).vote # Nobody =>
            Durable(node)'.vote = Durable(node).vote]_vars

(* RFT-54 *)
LeadersOnlyAppend ==
    [][\A node \in Nodes : Leads(node) /\ (mind'[node].role = "leader") =>
        IsPrefix(Believed(node).log, Believed(node)'.log)]_vars

(* RFT-30: each member's progress is known once and stays. *)
MatchedNeverFalls ==
    [][\A node \in Nodes : Leads(node) /\ (mind'[node].role = "leader") =>
        \A member \in Nodes : mind'[node].progress[member].matched >= mind[node].progress[member].matched]_vars

-----------------------------------------------------------------------------
(* Liveness, once nobody crashes any more: RFT-60, RFT-61.  Whoever stands has terms left, or stands in the last. *)

NoMoreFaults == crashes = 0 \/ Mortals = {}
MayStand(node) == TermOf(node) < TermsMax \/ mind[node].role \in {"candidate", "leader"}
SomebodyLeads == \E node \in Nodes : Leads(node)

SomebodyIsElected == (NoMoreFaults /\ \A node \in Candidates : MayStand(node)) ~> SomebodyLeads

EntriesAreCommitted ==
    \A node \in Nodes : (NoMoreFaults /\ Leads(node) /\ TermOf(node) = TermsMax) ~> (CommitOf(node) = Len(Believed(node).log))

EverybodyLearns ==
    \A node \in Nodes : (NoMoreFaults /\ Leads(node) /\ TermOf(node) = TermsMax) ~>
        (\A other \in Nodes : Len(Committed(other)) = Len(Believed(node).log))

ItComesBack == \A node \in Nodes : ~IsUp(node) ~> IsUp(node)

=============================================================================
