--------------------------- MODULE MCBreakerRecover ---------------------------
(* As MCBreakerHung, but half-open closes at its maximum, and cancelled calls count as failed. *)
EXTENDS Breaker
Waits == <<2>>
Operator == {}
=============================================================================
