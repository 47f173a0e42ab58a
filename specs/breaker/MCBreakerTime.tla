--------------------------- MODULE MCBreakerTime ---------------------------
(* A window of time: four buckets of one and a half ticks, so that ticks meet and miss their edges. *)
EXTENDS Breaker
Waits == <<3>>
Operator == {}
=============================================================================
