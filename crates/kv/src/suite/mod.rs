//! What every engine must do, as async test functions generic over the engine. Knows the contract only.
