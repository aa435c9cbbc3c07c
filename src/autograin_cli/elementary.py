"""Elementary functions and random numbers that the compiler turns into vector instructions.

Branches become selections, and nothing calls the C library.
"""

import math

import numba
import numpy as np

Word = np.uint64

LOW = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)

# No flag may assume that numbers are finite: a run that diverges is found by comparing with NaN.
MATH = {"contract", "arcp", "nsz", "reassoc", "afn"}
inlined = numba.njit(forceinline=True, fastmath=MATH, error_model="numpy")


@inlined
def logarithm(x: float) -> float:
    """Natural logarithm of a normal x > 0, to one unit in the last place; after fdlibm."""
    bits = np.float64(x).view(np.int64)
    exponent = (bits - np.int64(0x3FE6A09E667F3BCD)) >> np.int64(52)
    f = np.int64(bits - (exponent << np.int64(52))).view(np.float64) - 1.0
    s = f / (2.0 + f)
    z = s * s
    r = 0.1531383769920937332 + z * 0.1479819860511658591
    r = 0.2222219843214978396 + z * (0.1818357216161805012 + z * r)
    r = z * (
        0.6666666666666735130 + z * (0.3999999999940941908 + z * (0.2857142874366239149 + z * r))
    )
    half = 0.5 * f * f
    return exponent * 0.6931471805599453094 - (half - s * (half + r) - f)


@inlined
def sine_cosine(x: float) -> tuple[float, float]:
    """Sine and cosine of x from -pi/4 to pi/4; after fdlibm."""
    z = x * x
    s = -2.50507602534068634195e-8 + z * 1.58969099521155010221e-10
    s = -1.98412698298579493134e-4 + z * (2.75573137070700676789e-6 + z * s)
    s = -1.66666666666666324348e-1 + z * (8.33333333332248946124e-3 + z * s)
    c = 2.08757232129817482790e-9 - z * 1.13596475577881948265e-11
    c = 2.48015872894767294178e-5 + z * (-2.75573143513906633035e-7 + z * c)
    c = 4.16666666666666019037e-2 + z * (-1.38888888888741095749e-3 + z * c)
    return x + x * z * s, 1.0 - 0.5 * z + z * z * c


@inlined
def atan2(y: float, x: float) -> float:
    """Angle of a point of the plane, as `math.atan2` gives it; after fdlibm."""
    along, across = abs(x), abs(y)
    small, large = min(along, across), max(along, across)
    far = small > 0.41421356237309503 * large  # beyond pi/8: turned back by pi/4
    t = (small - large if far else small) / max(small + large if far else large, 1e-300)
    z = t * t
    w = z * z
    p = 4.97687799461593236017e-2 + w * 1.62858201153657823623e-2
    p = 9.09088713343650656196e-2 + w * (6.66107313738753120669e-2 + w * p)
    p = 3.33333333333329318027e-1 + w * (1.42857142725034663711e-1 + w * p)
    q = -5.83357013379057348645e-2 - w * 3.65315727442169155270e-2
    q = -1.11111104054623557880e-1 + w * (-7.69187620504482999495e-2 + w * q)
    angle = t - t * (z * p + w * (-1.99999999998764832476e-1 + w * q))
    angle = angle + math.pi / 4 if far else angle
    angle = math.pi / 2 - angle if across > along else angle
    angle = math.pi - angle if x < 0 else angle
    return -angle if y < 0 else angle


@inlined
def philox(a: Word, b: Word, c: Word, d: Word, key: Word, lock: Word) -> tuple[Word, Word]:
    """Philox4x32-10: two random 64-bit words from four 32-bit counters and two 32-bit keys.

    Source: J. K. Salmon et al., Proc. SC11, 16 (2011).
    """
    for _ in range(10):
        p, q = np.uint64(0xD2511F53) * a, np.uint64(0xCD9E8D57) * c
        a, b, c, d = (q >> HALF) ^ b ^ key, q & LOW, (p >> HALF) ^ d ^ lock, p & LOW
        key = (key + np.uint64(0x9E3779B9)) & LOW
        lock = (lock + np.uint64(0xBB67AE85)) & LOW
    return (a << HALF) | b, (c << HALF) | d


@inlined
def normals(word: Word) -> tuple[float, float]:
    """Two independent standard normal numbers from a random 64-bit word (Box and Muller).

    The distance from 0 takes 40 bits, so it is at most 7.45; the direction takes 24.
    """
    turn = (np.int64(word & np.uint64(0xFFFFFF)) - 0x800000) * 2.0**-22  # -2 to 2 quarters
    quarter = math.floor(turn + 0.5)
    sine, cosine = sine_cosine((turn - quarter) * (math.pi / 2))
    odd = (np.int64(quarter) & 1) != 0
    x, y = (sine, cosine) if odd else (cosine, sine)
    x = -x if ((np.int64(quarter) + 1) & 2) != 0 else x
    y = -y if (np.int64(quarter) & 2) != 0 else y
    radius = math.sqrt(-2.0 * logarithm((np.int64(word >> np.uint64(24)) + 1) * 2.0**-40))
    return radius * x, radius * y
