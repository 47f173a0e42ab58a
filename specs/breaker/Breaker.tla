------------------------------- MODULE Breaker -------------------------------
(***************************************************************************)
(* A circuit breaker and the callers around it, written from the           *)
(* requirements in README.md (BRK-..), not from the code.                  *)
(*                                                                         *)
(* Time goes in ticks.  A caller is idle, or holds a permit of the present *)
(* stay, or holds one of an earlier stay ("late").  Numbers of stays       *)
(* (epochs) do not occur here: present or late is all that matters.        *)
(***************************************************************************)
EXTENDS Naturals, Sequences

CONSTANTS
    Callers,          \* how many calls may be on their way at once
    WindowCalls,      \* the size of a count window; 0 chooses a window of time
    WindowBuckets,    \* how many buckets a window of time has
    TickLength,       \* how long a tick is, and
    BucketLength,     \* how long a bucket is, in the same unit (both 1 for count windows)
    CallsMax,         \* the callers' own bound on the calls in a window of time
    MinimumCalls,     \* no decision below so many recorded calls
    FailurePercent,   \* opens at or above this share of failed calls
    SlowPercent,      \* opens at or above this share of slow calls
    CallsAreTimed,    \* whether slow calls count at all
    SlowTicks,        \* a call is slow if it lasts strictly longer
    Permitted,        \* how many probes half-open admits
    OpenWaits,        \* how long the k-th open in a row lasts; the last item repeats
    JitterPercent,    \* how far a row's waits may be stretched
    JitterSteps,      \* in how many steps; 0 for no jitter
    HintTicks,        \* for how long a server's hint opens; 0 if hints are not heeded
    AutoHalfOpen,     \* whether open ends by itself
    HalfOpenTicks,    \* the longest that half-open may last; 0 for no maximum
    HalfOpenTo,       \* where it goes then: "open" or "closed"
    InitialPhase,     \* what a fresh breaker is in
    CancelledCounts,  \* how dropped calls count: "ignored", "failed", "failed_if_slow"
    Controls          \* what the operator may say: a subset of AllControls

VARIABLES
    phase,      \* what the breaker is in
    window,     \* what it judges by: a sequence of entries, oldest first
    left,       \* ticks until open or half-open ends
    openings,   \* opens in a row, up to the last distinct wait
    stretch,    \* how far the waits of this row are stretched, in steps
    present,    \* present[a]: how many calls of this stay have lasted a ticks
    late,       \* how many calls of earlier stays are still on their way
    clock       \* how long ago the present bucket of time began

vars == <<phase, window, left, openings, stretch, present, late, clock>>

AllControls == {"reset", "open", "half_open", "force_open", "disable", "metrics_only"}
Phases == {"closed", "open", "half_open", "disabled", "forced_open", "metrics_only"}

ASSUME Callers >= 1 /\ MinimumCalls >= 1 /\ Permitted >= 1
ASSUME TickLength >= 1 /\ BucketLength >= 1
ASSUME WindowCalls >= 1 \/ (WindowBuckets >= 1 /\ CallsMax >= 1)
ASSUME FailurePercent \in 1..100 /\ SlowPercent \in 1..100
ASSUME Len(OpenWaits) >= 1 /\ \A k \in 1..Len(OpenWaits) : OpenWaits[k] >= 1
ASSUME CallsAreTimed \in BOOLEAN /\ AutoHalfOpen \in BOOLEAN
ASSUME InitialPhase \in Phases
ASSUME HalfOpenTo \in {"open", "closed"}
ASSUME CancelledCounts \in {"ignored", "failed", "failed_if_slow"}
ASSUME Controls \subseteq AllControls

Least(a, b) == IF a <= b THEN a ELSE b

-----------------------------------------------------------------------------
(* Calls on their way.  Ages beyond the slow limit are all alike. *)

AgeMax == IF CallsAreTimed THEN SlowTicks + 1 ELSE 0
Ages == 0..AgeMax
Nobody == [age \in Ages |-> 0]

RECURSIVE CountUpTo(_, _)
CountUpTo(calls, age) == calls[age] + (IF age = 0 THEN 0 ELSE CountUpTo(calls, age - 1))
OnTheirWay(calls) == CountUpTo(calls, AgeMax)

Begun(calls) == [calls EXCEPT ![0] = @ + 1]
Ended(calls, age) == [calls EXCEPT ![age] = @ - 1]
Aged(calls) ==
    [age \in Ages |->
        IF AgeMax = 0 THEN calls[age]
        ELSE (IF age > 0 THEN calls[age - 1] ELSE 0) + (IF age = AgeMax THEN calls[age] ELSE 0)]

SomebodyIsIdle == OnTheirWay(present) + late < Callers
IsSlow(age) == CallsAreTimed /\ age > SlowTicks

-----------------------------------------------------------------------------
(* Windows.  An entry says how many calls it stands for and how many of    *)
(* them failed or were slow: one call each in a count window, one bucket   *)
(* each in a window of time.  So totals are the same sum for both.         *)

NoCalls == [calls |-> 0, failed |-> 0, slow |-> 0]
OneCall(failed, slow) ==
    [calls |-> 1, failed |-> IF failed THEN 1 ELSE 0, slow |-> IF slow THEN 1 ELSE 0]
Plus(a, b) ==
    [calls |-> a.calls + b.calls, failed |-> a.failed + b.failed, slow |-> a.slow + b.slow]

RECURSIVE Totals(_)
Totals(entries) == IF entries = <<>> THEN NoCalls ELSE Plus(Head(entries), Totals(Tail(entries)))

JudgesByTime == WindowCalls = 0
Fresh == IF JudgesByTime THEN [bucket \in 1..WindowBuckets |-> NoCalls] ELSE <<>>

(* BRK-01: the last WindowCalls calls.  BRK-02: the calls of the last buckets. *)
Slid(entries, call) ==
    IF JudgesByTime THEN [entries EXCEPT ![WindowBuckets] = Plus(@, call)]
    ELSE IF Len(entries) < WindowCalls THEN Append(entries, call)
    ELSE Append(Tail(entries), call)

(* BRK-13: half-open judges by a count window of its own. *)
Recorded(call) == IF phase = "half_open" THEN Append(window, call) ELSE Slid(window, call)

(* BRK-03: a count window, also the one of half-open, lowers the minimum to its own size. *)
MinimumClosed == IF JudgesByTime THEN MinimumCalls ELSE Least(MinimumCalls, WindowCalls)
MinimumHalfOpen == Least(MinimumCalls, Permitted)

(* BRK-04, BRK-05: at or above the threshold, in exact arithmetic. *)
Reached(part, total, percent) == 100 * part >= percent * total
Bad(totals) ==
    \/ Reached(totals.failed, totals.calls, FailurePercent)
    \/ Reached(totals.slow, totals.calls, SlowPercent)

-----------------------------------------------------------------------------
(* Transitions.  Whatever is on its way when a stay ends is late from then on (BRK-20). *)

AllLate(calls) == /\ present' = Nobody
                  /\ late' = late + OnTheirWay(calls)

(* BRK-10: without a timer, open ends strictly after its wait, with one exactly at its end. *)
Until(wait) == wait + (IF AutoHalfOpen THEN 0 ELSE 1)
Stretched(wait, steps) ==
    IF JitterSteps = 0 THEN wait ELSE wait + (wait * JitterPercent * steps) \div (100 * JitterSteps)
OpenTicks(opening, steps) == Until(Stretched(OpenWaits[opening], steps))

(* BRK-11: the wait depends on how often in a row the breaker opened.  BRK-16: how far it is *)
(* stretched is drawn when a row begins, and stays for the row.                              *)
NextOpening(row) == Least(row + 1, Len(OpenWaits))
NextStretches(row) == IF row = 0 THEN 0..JitterSteps ELSE {stretch}

OpenAfter(row, calls, ticks(_, _)) ==
    \E steps \in NextStretches(row) :
        /\ phase' = "open"
        /\ openings' = NextOpening(row)
        /\ stretch' = steps
        /\ left' = ticks(NextOpening(row), steps)
        /\ window' = <<>>   \* it is kept for show, and no later decision reads it
        /\ AllLate(calls)

Open(calls) == OpenAfter(openings, calls, OpenTicks)

HalfOpen ==
    /\ phase' = "half_open"
    /\ left' = HalfOpenTicks
    /\ window' = <<>>
    /\ UNCHANGED <<openings, stretch>>

Calm(to, calls) ==   \* BRK-11: the row of opens ends
    /\ phase' = to
    /\ openings' = 0
    /\ stretch' = 0
    /\ left' = 0
    /\ window' = Fresh
    /\ AllLate(calls)

-----------------------------------------------------------------------------
(* Callers ask. *)

FreeProbes == Permitted - OnTheirWay(present) - Totals(window).calls

(* Real callers are not that restrained, but a window of time holds any number of calls, *)
(* and a finite graph needs a bound; the code's world has the same one.                  *)
Restrained == JudgesByTime /\ phase \in {"closed", "metrics_only"}
    /\ Totals(window).calls + OnTheirWay(present) >= CallsMax

Admit ==
    /\ SomebodyIsIdle
    /\ ~Restrained
    /\ \/ /\ phase \in {"closed", "disabled", "metrics_only"}
          /\ present' = Begun(present)
          /\ UNCHANGED <<phase, window, left, openings, stretch>>
       \/ /\ phase = "open" /\ left = 0
          /\ HalfOpen
          /\ present' = Begun(Nobody)
       \/ /\ phase = "half_open" /\ FreeProbes > 0
          /\ present' = Begun(present)
          /\ UNCHANGED <<phase, window, left, openings, stretch>>
    /\ UNCHANGED <<late, clock>>

Refuse ==
    /\ SomebodyIsIdle
    /\ \/ phase = "forced_open"
       \/ phase = "open" /\ left > 0
       \/ phase = "half_open" /\ FreeProbes = 0
    /\ UNCHANGED vars

-----------------------------------------------------------------------------
(* Calls of the present stay end. *)

GivenBack(age) ==   \* BRK-22: it says nothing that counts here, and holds nothing any more
    /\ present' = Ended(present, age)
    /\ UNCHANGED <<phase, window, left, openings, stretch, late, clock>>

Kept(entries, age) ==
    /\ window' = entries
    /\ present' = Ended(present, age)
    /\ UNCHANGED <<phase, left, openings, stretch, late>>

(* BRK-06: a decision after every recorded result, a success included. *)
Judged(age, failed) ==
    LET entries == Recorded(OneCall(failed, IsSlow(age)))
        totals == Totals(entries)
        others == Ended(present, age)
    IN  /\ CASE phase = "closed" ->
                  IF totals.calls >= MinimumClosed /\ Bad(totals) THEN Open(others)
                  ELSE Kept(entries, age)
             [] phase = "half_open" ->
                  IF totals.calls < MinimumHalfOpen THEN Kept(entries, age)
                  ELSE IF Bad(totals) THEN Open(others)
                  ELSE Calm("closed", others)
             [] phase = "metrics_only" -> Kept(entries, age)
        /\ UNCHANGED clock

Records == phase \in {"closed", "half_open", "metrics_only"}

Ends(age, failed) ==
    /\ present[age] > 0
    /\ IF Records THEN Judged(age, failed) ELSE GivenBack(age)

Succeed == /\ \E age \in Ages : Ends(age, FALSE)
Fail    == /\ \E age \in Ages : Ends(age, TRUE)
Ignore  == /\ \E age \in Ages : present[age] > 0 /\ GivenBack(age)

(* BRK-23 *)
CancelledIsFailure(age) ==
    \/ CancelledCounts = "failed"
    \/ CancelledCounts = "failed_if_slow" /\ IsSlow(age)
Cancel  == /\ \E age \in Ages :
                IF CancelledIsFailure(age) THEN Ends(age, TRUE)
                ELSE present[age] > 0 /\ GivenBack(age)

(* BRK-24: a server's hint opens the breaker for its own time, whatever the rates say.  Where *)
(* the same result would have closed half-open, the row of opens has ended and begins anew.  *)
ClosesHalfOpen(totals) == phase = "half_open" /\ totals.calls >= MinimumHalfOpen /\ ~Bad(totals)
HintedTicks(opening, steps) == Until(HintTicks)
HintOpens(age) ==
    LET totals == Totals(Recorded(OneCall(TRUE, IsSlow(age))))
        row == IF ClosesHalfOpen(totals) THEN 0 ELSE openings
    IN  OpenAfter(row, Ended(present, age), HintedTicks) /\ UNCHANGED clock

Hint    == /\ HintTicks > 0
           /\ \E age \in Ages :
                IF phase \in {"closed", "half_open"} THEN present[age] > 0 /\ HintOpens(age)
                ELSE Ends(age, TRUE)

(* BRK-21: a late call ends in whatever way, and nothing else changes. *)
ReturnLate ==
    /\ late > 0
    /\ late' = late - 1
    /\ UNCHANGED <<phase, window, left, openings, stretch, present, clock>>

-----------------------------------------------------------------------------
(* Time passes. *)

(* BRK-02: edges of buckets stay multiples of their length, however ticks fall between them. *)
EdgesPassed == (clock + TickLength) \div BucketLength
RECURSIVE Rolled(_, _)
Rolled(entries, edges) ==
    IF edges = 0 THEN entries ELSE Rolled(Append(Tail(entries), NoCalls), edges - 1)
RolledWindow ==
    IF JudgesByTime /\ phase \notin {"open", "half_open"} THEN Rolled(window, EdgesPassed) ELSE window

TimerFires == left = 1 /\ (phase = "half_open" \/ (phase = "open" /\ AutoHalfOpen))

Tick ==
    /\ clock' = (clock + TickLength) % BucketLength
    /\ IF ~TimerFires
       THEN /\ left' = IF left > 0 THEN left - 1 ELSE 0
            /\ window' = RolledWindow
            /\ present' = IF Records THEN Aged(present) ELSE present
            /\ UNCHANGED <<phase, openings, stretch, late>>
       ELSE CASE phase = "open" -> HalfOpen /\ UNCHANGED <<present, late>>   \* BRK-10
              [] HalfOpenTo = "open" -> Open(present)                        \* BRK-15
              [] OTHER -> Calm("closed", present)                            \* BRK-15

-----------------------------------------------------------------------------
(* An operator speaks. *)

Reset ==   \* BRK-30: also in closed it begins a new stay
    /\ "reset" \in Controls
    /\ Calm("closed", present)
    /\ UNCHANGED clock

OpenNow ==   \* BRK-34: not from metrics only; what is illegal changes nothing
    /\ "open" \in Controls
    /\ IF phase = "metrics_only" THEN UNCHANGED vars
       ELSE Open(present) /\ UNCHANGED clock

HalfOpenNow ==   \* BRK-34: not from closed and not from metrics only
    /\ "half_open" \in Controls
    /\ IF phase \in {"closed", "metrics_only"} THEN UNCHANGED vars
       ELSE HalfOpen /\ AllLate(present) /\ UNCHANGED clock

ForceOpen ==   \* BRK-31: keeps the row of opens
    /\ "force_open" \in Controls
    /\ phase' = "forced_open"
    /\ left' = 0
    /\ window' = Fresh
    /\ AllLate(present)
    /\ UNCHANGED <<openings, stretch, clock>>

Disable ==   \* BRK-32
    /\ "disable" \in Controls
    /\ Calm("disabled", present)
    /\ UNCHANGED clock

WatchOnly ==   \* BRK-33
    /\ "metrics_only" \in Controls
    /\ Calm("metrics_only", present)
    /\ UNCHANGED clock

Control == Reset \/ OpenNow \/ HalfOpenNow \/ ForceOpen \/ Disable \/ WatchOnly

-----------------------------------------------------------------------------
(* BRK-35: a breaker may begin in any phase; one that begins open begins a row of opens. *)
Init ==
    /\ phase = InitialPhase
    /\ openings = IF InitialPhase = "open" THEN 1 ELSE 0
    /\ stretch \in IF InitialPhase = "open" THEN 0..JitterSteps ELSE {0}
    /\ left = CASE InitialPhase = "open" -> OpenTicks(1, stretch)
                [] InitialPhase = "half_open" -> HalfOpenTicks
                [] OTHER -> 0
    /\ window = IF InitialPhase \in {"open", "half_open"} THEN <<>> ELSE Fresh
    /\ present = Nobody
    /\ late = 0
    /\ clock = 0

Next ==
    \/ Admit \/ Refuse
    \/ Succeed \/ Fail \/ Hint \/ Ignore \/ Cancel
    \/ ReturnLate
    \/ Tick
    \/ Reset \/ OpenNow \/ HalfOpenNow \/ ForceOpen \/ Disable \/ WatchOnly

(* Callers who go on calling, and whose calls go on having an end that counts.  A probe may *)
(* be ignored or cancelled any number of times, but not for ever: hence the strong fairness. *)
Lively == Init /\ [][Next]_vars
    /\ WF_vars(Tick) /\ WF_vars(Admit) /\ WF_vars(ReturnLate) /\ SF_vars(Succeed \/ Fail)

(* Nothing is promised but that time passes: callers may hang for ever. *)
Hanging == Init /\ [][Next]_vars /\ WF_vars(Tick)

-----------------------------------------------------------------------------
(* Safety *)

TypeIsRight ==
    /\ phase \in Phases
    /\ \A entry \in 1..Len(window) :
          window[entry].failed <= window[entry].calls /\ window[entry].slow <= window[entry].calls
    /\ left \in Nat
    /\ openings \in 0..Len(OpenWaits)
    /\ stretch \in 0..JitterSteps
    /\ present \in [Ages -> 0..Callers]
    /\ late \in 0..Callers
    /\ clock \in 0..(BucketLength - 1)

CallersAreConserved == OnTheirWay(present) + late <= Callers

WindowIsBounded ==   \* BRK-01, BRK-02, BRK-13
    CASE phase = "open" -> window = <<>>
      [] phase = "half_open" -> Len(window) < MinimumHalfOpen
      [] JudgesByTime -> Len(window) = WindowBuckets
      [] OTHER -> Len(window) <= WindowCalls

ProbesAreBounded ==   \* BRK-12
    phase = "half_open" => OnTheirWay(present) + Totals(window).calls <= Permitted

OpenAdmitsNobody ==   \* BRK-10, BRK-31
    phase \in {"open", "forced_open"} => present = Nobody

NoDecisionIsDue ==   \* BRK-06 (a window of time may have slid since the last result)
    phase = "closed" /\ ~JudgesByTime =>
        Totals(window).calls < MinimumClosed \/ ~Bad(Totals(window))

WaitingHasAnEnd ==   \* BRK-15
    /\ phase = "half_open" => left <= HalfOpenTicks /\ (HalfOpenTicks > 0 => left > 0)
    /\ phase = "open" => left <= OpenTicks(openings, stretch) \/ left <= Until(HintTicks)
    /\ phase = "open" /\ AutoHalfOpen => left > 0
    /\ phase \notin {"open", "half_open"} => left = 0

OpenFollowsAnOpening == (phase = "open" => openings > 0) /\ (openings = 0 => stretch = 0)   \* BRK-11, BRK-16

-----------------------------------------------------------------------------
(* Claims about steps *)

(* BRK-21: whatever changes the phase leaves the number of calls on their way as it was,   *)
(* but for one that ends or begins; and a call of an earlier stay never changes the phase. *)
LateCallsChangeNothing ==
    [][late' < late => UNCHANGED <<phase, window, left, openings, stretch, present, clock>>]_vars

(* BRK-14: closed is reached from half-open only over enough probes of this very stay. *)
HalfOpenClosesByItsProbes ==
    [][phase = "half_open" /\ phase' = "closed" =>
        \/ Totals(window).calls + 1 >= MinimumHalfOpen /\ OnTheirWay(present) > 0
        \/ TimerFires /\ HalfOpenTo = "closed"
        \/ "reset" \in Controls]_vars

(* BRK-20: every change of phase leaves nobody behind in the present but a first probe. *)
TransitionsBeginAfresh ==
    [][phase' # phase => present' \in {Nobody, Begun(Nobody)}]_vars

-----------------------------------------------------------------------------
(* Liveness *)

(* BRK-10.  Under Lively, or under Hanging where open ends by itself. *)
OpenIsLeft == phase = "open" ~> phase = "half_open"

(* BRK-14 under Lively: probes that end decide.  BRK-15 under Hanging: the maximum decides *)
(* where no probe ever ends.                                                              *)
HalfOpenIsLeft == phase = "half_open" ~> phase \in {"open", "closed"}

=============================================================================
