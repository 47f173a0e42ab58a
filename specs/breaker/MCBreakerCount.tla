--------------------------- MODULE MCBreakerCount ---------------------------
(* A count window, bounded probes, open waits that grow, late and cancelled calls. *)
EXTENDS Breaker
Waits == <<1, 2>>
Operator == {}
=============================================================================
