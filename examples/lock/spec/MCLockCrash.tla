----------------------------- MODULE MCLockCrash -----------------------------
(* One client; a process that dies, a disk that loses what it had not kept. *)
EXTENDS Lock
==============================================================================
