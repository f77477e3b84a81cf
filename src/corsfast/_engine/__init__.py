"""Compile a policy and decide requests, with the pure engine or the native one in `cython/`."""
