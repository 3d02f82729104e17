//! Tests of the operator's work on a tenant: export, move, erasure.

mod transfer;
