--------------------------- MODULE MCBreakerWatch ---------------------------
(* The operator again, over a window of time and calls of an age: edges of buckets outlast every stay. *)
EXTENDS Breaker
Waits == <<1>>
Operator == {"reset", "open", "half_open", "force_open", "disable", "metrics_only"}
=============================================================================
