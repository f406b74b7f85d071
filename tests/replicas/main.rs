//! Several replicas on one PostgreSQL, and databases that fail. Where `TEST_POSTGRES_URL` is not set, the stories
//! that need PostgreSQL say so and are not told; CI sets it.

mod budget;
mod support;
