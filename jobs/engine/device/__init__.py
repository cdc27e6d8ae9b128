"""The engine for GPUs: reading, copying, computing, copying back and writing of one block, all at the same time.

::

    file                    host, pinned               device                       host, pinned         file

    x.npy --reader threads--> [ slot | slot | .. ] --h2d--> [ A slab | A slab ]
                                                            [ B slab | B slab ] --comp--> [ C | C ]
                                                                                            |
                              y.npy <--writer threads-- [ slot | slot | .. ] <-----d2h------+

Three streams work behind, in order each: `h2d`, `comp`, `d2h`. The thread that runs the block starts copies and
products and waits for nothing but room; a second one, the drainer, starts the copies out. Memory is allocated once and
kept (`buffers.py`), so every slot is used again and again. What keeps a slot from being used too early is an event:

==========  ============================  ========================================  ===========================
event       recorded                      who waits                                 before
==========  ============================  ========================================  ===========================
allocated   where memory was allocated    every stream, once                        its first use
h2d_done    on h2d, behind a copy in      the reader thread                         it fills the pinned slot again
ready       on h2d, behind a slab         comp                                      the product that needs the slab
last_use    on comp, behind a product     h2d                                       another slab is copied there
computed    on comp, behind a stripe      d2h                                       the stripe is copied out
copied      on d2h, behind a copy out     the writer thread                         it reads the pinned slot
drained     on d2h, behind a tile         comp                                      the next tile is computed there
==========  ============================  ========================================  ===========================

A block of two tiles, each of two slabs of k; A's panel stays on the device, so the second tile copies only B (time runs
to the right; every line is a thread or a stream):

::

    readers  a0 b00 a1 b10 | b01 b11
    h2d         a0 b00 a1 b10 | b01 b11
    comp              a0 b00 | a1 b10 (in stripes) | a0 b01 | a1 b11 (in stripes)
    d2h                           C0 C0 C0 C0                    C1 C1 C1 C1
    writers                          C0 C0 C0 C0                    C1 C1 C1 C1

Maps and reductions go the same way, a piece in the place of a slab. The steps of a block are known before it begins
(`schedule.py`), and so is every byte that crosses the link. `FakeDevice` runs the same code with threads for streams,
random delays and poisoned memory: each of the waits above has a test that fails without it.

The seconds of a block's steps are those in which each stage worked (`meter.py`): together more than the block took, and
the largest is the stage that limits it.
"""

from __future__ import annotations

from .cuda import CudaDevice
from .device import Device
from .engine import Call, Engine
from .fake import FakeDevice
from .registry import install_engine, open_engine, release_engine
from .settings import Settings
from .suits import suits

__all__ = [
    "Call",
    "CudaDevice",
    "Device",
    "Engine",
    "FakeDevice",
    "Settings",
    "install_engine",
    "open_engine",
    "release_engine",
    "suits",
]
