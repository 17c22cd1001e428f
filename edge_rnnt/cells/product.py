"""A matrix product in the precision that its matrix is in."""

from jaxtyping import Array, Float


def product(x: Float[Array, "... K"], matrix: Float[Array, "K L"]) -> Float[Array, "... L"]:
  """x @ matrix, computed in the matrix's dtype, given back in x's.

  With a bfloat16 matrix both operands are rounded to it and so is the result, as accelerators like
  it; what is not a product stays in the precision of x.
  """
  return (x.astype(matrix.dtype) @ matrix).astype(x.dtype)
