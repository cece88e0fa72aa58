"""How numba sees a ``Bundle``: one pointer to its table of addresses; ``f.jobs`` makes the array on the spot.

A bundle of two dozen arrays passed by value would be copied at every call between kernels. Without the JIT the same
kernels read the attributes of the Python object.
"""

from __future__ import annotations

import operator

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.cgutils import get_item_pointer
from numba.core.datamodel import models
from numba.core.typing.templates import AttributeTemplate
from numba.extending import (
    NativeValue,
    infer_getattr,
    lower_builtin,
    lower_getattr_generic,
    register_model,
    unbox,
)
from numba.np.arrayobj import load_item, make_array, populate_array, store_item
from numba.np.numpy_support import from_dtype

from gpusim.kernels.state.bundle import Bundle
from gpusim.kernels.state.fleet import Fleet
from gpusim.kernels.state.serving import Serving


class Rows(types.Array):
    """A one-dimensional array of a bundle, which no kernel indexes from its end.

    Where an index may be less than 0, as numba allows, each access costs twice the instructions.
    """

    def __init__(self, dtype: types.Type):
        super().__init__(dtype, 1, "C", name=f"rows({dtype})")


register_model(Rows)(models.ArrayModel)


def _address(context, builder, rows, array, index_type, index):
    array = make_array(rows)(context, builder, array)
    index = context.cast(builder, index, index_type, types.intp)
    return get_item_pointer(context, builder, rows, array, [index], wraparound=False, boundscheck=False)


@lower_builtin(operator.getitem, Rows, types.Integer)
def _get(context, builder, sig, args):
    (rows, index_type), (array, index) = sig.args, args
    return load_item(context, builder, rows, _address(context, builder, rows, array, index_type, index))


@lower_builtin(operator.setitem, Rows, types.Integer, types.Any)
def _set(context, builder, sig, args):
    (rows, index_type, value_type), (array, index, value) = sig.args, args
    value = context.cast(builder, value, value_type, rows.dtype)
    store_item(context, builder, rows, value, _address(context, builder, rows, array, index_type, index))


class BundleType(types.Type):
    """The numba type of a kind of bundle."""

    def __init__(self, kind: type[Bundle]):
        super().__init__(name=f"{kind.__module__}.{kind.__qualname__}")
        self.arrays = {
            name: Rows(from_dtype(dtype)) if ndim == 1 else types.Array(from_dtype(dtype), ndim, "C")
            for name, (dtype, ndim) in kind.ARRAYS.items()
        }


def teach(kind: type[Bundle]) -> None:
    """Have kernels take bundles of a kind."""
    # Found on the object itself, the type costs a call half of what a look-up by class does.
    kind._numba_type_ = BundleType(kind)


@register_model(BundleType)
class _BundleModel(models.PrimitiveModel):
    def __init__(self, manager, fe_type):
        super().__init__(manager, fe_type, ir.IntType(64).as_pointer())


@unbox(BundleType)
def _unbox(_typ, obj, c):
    # A slot, which is read without running any Python: Ctrl-C there would find nobody who could raise it.
    number = c.pyapi.object_getattr_string(obj, "address")
    address = c.pyapi.number_as_ssize_t(number)
    c.pyapi.decref(number)
    return NativeValue(c.builder.inttoptr(address, ir.IntType(64).as_pointer()))


@infer_getattr
class _Attributes(AttributeTemplate):
    key = BundleType

    def generic_resolve(self, typ, attr):
        return typ.arrays.get(attr)


@lower_getattr_generic(BundleType)
def _lower_getattr(context, builder, typ, value, attr):
    array_type = typ.arrays[attr]
    row = 3 * list(typ.arrays).index(attr)

    def word(offset):
        load = builder.load(cgutils.gep_inbounds(builder, value, row + offset))
        # Tables grow between calls of kernels only, so none of their stores can change it.
        load.set_metadata("invariant.load", builder.module.add_metadata([]))
        return load

    itemsize = context.get_constant(types.intp, context.get_abi_sizeof(context.get_data_type(array_type.dtype)))
    shape = [word(1 + axis) for axis in range(array_type.ndim)]
    strides = [itemsize] if array_type.ndim == 1 else [builder.mul(itemsize, shape[1]), itemsize]
    array = make_array(array_type)(context, builder)
    data = builder.inttoptr(word(0), context.get_data_type(array_type.dtype).as_pointer())
    populate_array(array, data=data, shape=shape, strides=strides, itemsize=itemsize, meminfo=None)
    return array._getvalue()


teach(Fleet)
teach(Serving)
