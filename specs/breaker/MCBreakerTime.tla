--------------------------- MODULE MCBreakerTime ---------------------------
(* A window of time: three buckets of two ticks. *)
EXTENDS Breaker
Waits == <<3>>
Operator == {}
=============================================================================
