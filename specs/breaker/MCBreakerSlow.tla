--------------------------- MODULE MCBreakerSlow ---------------------------
(* Slow calls: ages, a strict limit, cancelled calls that count if they were slow. *)
EXTENDS Breaker
Waits == <<1>>
Operator == {}
=============================================================================
