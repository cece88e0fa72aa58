"""How numba sees a ``Fleet``: one pointer to its table of addresses; ``f.jobs`` makes the array on the spot.

A fleet of two dozen arrays passed by value would be copied at every call between kernels. Without the JIT the
same kernels read the attributes of the Python object.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.datamodel import models
from numba.core.typing.templates import AttributeTemplate
from numba.extending import NativeValue, infer_getattr, lower_getattr_generic, register_model, unbox
from numba.np.arrayobj import make_array, populate_array
from numba.np.numpy_support import from_dtype

from gpusim.state import ARRAYS, Fleet

_NAMES = list(ARRAYS)
_TYPES = {name: types.Array(from_dtype(dtype), ndim, "C") for name, (dtype, ndim) in ARRAYS.items()}


class FleetType(types.Type):
    """The numba type of ``Fleet``."""

    def __init__(self):
        super().__init__(name="gpusim.Fleet")


fleet_type = FleetType()


# Found on the object itself, the type costs a call half of what a look-up by class does.
Fleet._numba_type_ = fleet_type


@register_model(FleetType)
class _FleetModel(models.PrimitiveModel):
    def __init__(self, manager, fe_type):
        super().__init__(manager, fe_type, ir.IntType(64).as_pointer())


@unbox(FleetType)
def _unbox(_typ, obj, c):
    table = c.pyapi.object_getattr_string(obj, "table")
    ctypes = c.pyapi.object_getattr_string(table, "ctypes")
    data = c.pyapi.object_getattr_string(ctypes, "data")
    address = c.pyapi.number_as_ssize_t(data)
    for temporary in (data, ctypes, table):
        c.pyapi.decref(temporary)
    return NativeValue(c.builder.inttoptr(address, ir.IntType(64).as_pointer()))


@infer_getattr
class _FleetAttributes(AttributeTemplate):
    key = FleetType

    def generic_resolve(self, _typ, attr):
        return _TYPES.get(attr)


@lower_getattr_generic(FleetType)
def _lower_getattr(context, builder, _typ, value, attr):
    array_type = _TYPES[attr]
    row = 3 * _NAMES.index(attr)

    def word(offset):
        return builder.load(cgutils.gep_inbounds(builder, value, row + offset))

    itemsize = context.get_constant(types.intp, context.get_abi_sizeof(context.get_data_type(array_type.dtype)))
    shape = [word(1 + axis) for axis in range(array_type.ndim)]
    strides = [itemsize] if array_type.ndim == 1 else [builder.mul(itemsize, shape[1]), itemsize]
    array = make_array(array_type)(context, builder)
    data = builder.inttoptr(word(0), context.get_data_type(array_type.dtype).as_pointer())
    populate_array(array, data=data, shape=shape, strides=strides, itemsize=itemsize, meminfo=None)
    return array._getvalue()
