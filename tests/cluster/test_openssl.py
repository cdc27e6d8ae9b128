"""Facts of what keeps an error of one TLS connection from ending another."""

from __future__ import annotations

import _ssl
import ctypes

from tornado.iostream import SSLIOStream

from arraymill.cluster import openssl


def test_every_operation_of_dasks_connections_is_mended() -> None:
    assert openssl.mend_tls()
    assert all(hasattr(getattr(SSLIOStream, name), "__wrapped__") for name in openssl._OPERATIONS)


def test_an_operation_finds_no_error_of_another() -> None:
    library = ctypes.PyDLL(getattr(_ssl, "__file__", None))
    library.ERR_peek_error.restype = ctypes.c_ulong
    library.ERR_new()
    library.ERR_set_error(ctypes.c_int(2), ctypes.c_int(32), None)
    assert library.ERR_peek_error() != 0
    assert openssl._clearing(library.ERR_clear_error, library.ERR_peek_error)() == 0
