"""Bonds, angles and dihedrals of a block of lanes, for the compiled kernels.

Each function leaves, for all lanes, the gradient of the coordinate by each of its beads, and
where it lies in its table.
"""

import math

from autograin_cli.elementary import atan2, inlined
from autograin_cli.kernel_arrays import BEYOND, CELL, LANES, OUTSIDE, PLACE, Edges, Floats

_TINY = 1e-12  # below it a sine or a length counts as zero, and the gradient stays finite


@inlined
def _locate(w: Floats, i: int, q: float, edges: Edges) -> None:
    """Find the cell of a coordinate, the place in it, and the way beyond the table."""
    low, high, density, last_cell, sampled_low, sampled_high, period, inverse = edges
    # The sampled range of a dihedral may reach beyond pi: it is met a period on.
    turned = q - period * math.floor((q - sampled_low) * inverse)
    w[OUTSIDE + i] = 1.0 if turned < sampled_low or turned > sampled_high else 0.0
    q = q - period * math.floor((q - low) * inverse)
    inside = min(max(q, low), high)
    scaled = (inside - low) * density
    cell = min(max(math.floor(scaled), 0.0), last_cell)
    w[CELL + i], w[PLACE + i], w[BEYOND + i] = cell, scaled - cell, q - inside


@inlined
def bond(x: Floats, w: Floats, a: int, b: int, edges: Edges) -> None:
    """Length of a bond."""
    y, z = LANES, 2 * LANES
    for i in range(LANES):
        dx, dy, dz = x[b, i] - x[a, i], x[b, y + i] - x[a, y + i], x[b, z + i] - x[a, z + i]
        length = math.sqrt(dx * dx + dy * dy + dz * dz)
        inverse = 1.0 / max(length, _TINY)
        dx, dy, dz = dx * inverse, dy * inverse, dz * inverse
        w[i], w[y + i], w[z + i] = -dx, -dy, -dz
        w[3 * y + i], w[4 * y + i], w[5 * y + i] = dx, dy, dz
        _locate(w, i, length, edges)


@inlined
def angle(x: Floats, w: Floats, a: int, b: int, c: int, edges: Edges) -> None:
    """Angle at the bead in the middle, from u × v: no digits are lost where it is nearly flat."""
    y, z = LANES, 2 * LANES
    for i in range(LANES):
        ux, uy, uz = x[a, i] - x[b, i], x[a, y + i] - x[b, y + i], x[a, z + i] - x[b, z + i]
        vx, vy, vz = x[c, i] - x[b, i], x[c, y + i] - x[b, y + i], x[c, z + i] - x[b, z + i]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        sine = math.sqrt(nx * nx + ny * ny + nz * nz)
        u = max(ux * ux + uy * uy + uz * uz, _TINY * _TINY)
        v = max(vx * vx + vy * vy + vz * vz, _TINY * _TINY)
        common = 1.0 / (u * v * max(sine, _TINY))  # one division for two
        s, t = v * common, u * common
        px, py, pz = (uy * nz - uz * ny) * s, (uz * nx - ux * nz) * s, (ux * ny - uy * nx) * s
        qx, qy, qz = (ny * vz - nz * vy) * t, (nz * vx - nx * vz) * t, (nx * vy - ny * vx) * t
        w[i], w[y + i], w[z + i] = px, py, pz
        w[3 * y + i], w[4 * y + i], w[5 * y + i] = -px - qx, -py - qy, -pz - qz
        w[6 * y + i], w[7 * y + i], w[8 * y + i] = qx, qy, qz
        _locate(w, i, atan2(sine, ux * vx + uy * vy + uz * vz), edges)


@inlined
def dihedral(x: Floats, w: Floats, a: int, b: int, c: int, d: int, edges: Edges) -> None:
    """Dihedral angle, after A. Blondel and M. Karplus, J. Comput. Chem. 17, 1132 (1996), eq. 27."""
    y, z = LANES, 2 * LANES
    for i in range(LANES):
        fx, fy, fz = x[b, i] - x[a, i], x[b, y + i] - x[a, y + i], x[b, z + i] - x[a, z + i]
        mx, my, mz = x[c, i] - x[b, i], x[c, y + i] - x[b, y + i], x[c, z + i] - x[b, z + i]
        hx, hy, hz = x[d, i] - x[c, i], x[d, y + i] - x[c, y + i], x[d, z + i] - x[c, z + i]
        px, py, pz = fy * mz - fz * my, fz * mx - fx * mz, fx * my - fy * mx
        qx, qy, qz = my * hz - mz * hy, mz * hx - mx * hz, mx * hy - my * hx
        square = max(mx * mx + my * my + mz * mz, _TINY * _TINY)
        p = max(px * px + py * py + pz * pz, _TINY * _TINY)
        q = max(qx * qx + qy * qy + qz * qz, _TINY * _TINY)
        axis = math.sqrt(square)
        sine, cosine = axis * (fx * qx + fy * qy + fz * qz), px * qx + py * qy + pz * qz
        common = 1.0 / (p * q * square)  # one division for three
        s = (fx * mx + fy * my + fz * mz) * p * q * common
        t = (hx * mx + hy * my + hz * mz) * p * q * common
        p, q = -axis * q * square * common, axis * p * square * common
        px, py, pz, qx, qy, qz = px * p, py * p, pz * p, qx * q, qy * q, qz * q
        rx, ry, rz = s * px - t * qx, s * py - t * qy, s * pz - t * qz
        w[i], w[y + i], w[z + i] = px, py, pz
        w[3 * y + i], w[4 * y + i], w[5 * y + i] = -px - rx, -py - ry, -pz - rz
        w[6 * y + i], w[7 * y + i], w[8 * y + i] = rx - qx, ry - qy, rz - qz
        w[9 * y + i], w[10 * y + i], w[11 * y + i] = qx, qy, qz
        _locate(w, i, atan2(sine, cosine), edges)
