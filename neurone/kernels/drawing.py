"""Pen strokes drawn into small grey images, prepared as MNIST's were: fitted in a box, centred by mass.

Only +, -, *, /, sqrt, comparisons and conversions are used, which every machine rounds the same way.
"""

import numpy as np

from neurone.kernels.jit import kernel, step

SMOOTH, CORNER, END = 0, 1, 2  # marks: the line bends towards the point, passes or starts at it, stops there
STEPS = 5  # straight pieces in one curve
LINE = 4  # numbers a vertex takes in `line`: x, y, radius, 1.0 where a piece leads to it and else 0.0


@kernel
def draw(points, radii, marks, sizes, softness, ink, line, box, images):
    """Draw the strokes of each digit into its image.

    points (P, N, 2), radii (P, N) float64: control points in any unit, the pen's radius there in pixels.
    marks (P, N) uint8, sizes (P,) int64: SMOOTH, CORNER or END of the first sizes[p] points.
    softness, ink (P,) float64: width of the edge in pixels, grey level of full ink over 255.
    line (N*STEPS, LINE), box (side, side) float64: workspaces.
    images (P, rows, columns) uint8: overwritten.
    """
    for p in range(len(images)):
        vertices = trace(points[p], radii[p], marks[p], sizes[p], line)
        fit(line[:vertices], len(box))
        box[:] = 0.0
        for v in range(1, vertices):
            if line[v, 3] > 0.0:
                stroke(line[v - 1], line[v], softness[p], box)
        place(box, ink[p], images[p])


@step
def trace(points, radii, marks, size, line):
    """Turn control points into vertices of `line`, return how many.

    A stroke is a quadratic B-spline: from its first point, bending towards each smooth one, around the
    middle between two of them, to the next corner or end.
    """
    n = 0
    for k in range(size):
        x, y, r = points[k, 0], points[k, 1], radii[k]
        if marks[k] != SMOOTH:
            start = k == 0 or marks[k - 1] == END
            if start or marks[k - 1] == CORNER:  # else a curve has just ended here
                line[n, 0], line[n, 1], line[n, 2], line[n, 3] = x, y, r, 0.0 if start else 1.0
                n += 1
            continue
        half = 0.5 if marks[k + 1] == SMOOTH else 1.0  # a curve ends half-way to the next smooth point
        ex = x + half * (points[k + 1, 0] - x)
        ey = y + half * (points[k + 1, 1] - y)
        er = r + half * (radii[k + 1] - r)
        bx, by, br = line[n - 1, 0], line[n - 1, 1], line[n - 1, 2]
        for piece in range(1, STEPS + 1):
            t = piece / STEPS
            b, m, e = (1.0 - t) * (1.0 - t), 2.0 * t * (1.0 - t), t * t
            line[n, 0] = b * bx + m * x + e * ex
            line[n, 1] = b * by + m * y + e * ey
            line[n, 2] = b * br + m * r + e * er
            line[n, 3] = 1.0
            n += 1
    return n


@step
def fit(line, side):
    """Scale and move the vertices so that the strokes, with their width, fill the box, aspect ratio kept."""
    left, top, radius = line[0, 0], line[0, 1], line[0, 2]
    right, bottom = left, top
    for v in range(1, len(line)):
        left, right = min(left, line[v, 0]), max(right, line[v, 0])
        top, bottom = min(top, line[v, 1]), max(bottom, line[v, 1])
        radius = max(radius, line[v, 2])
    scale = (side - 2.0 * radius) / max(right - left, bottom - top)
    for v in range(len(line)):
        line[v, 0] = 0.5 * side + scale * (line[v, 0] - 0.5 * (left + right))
        line[v, 1] = 0.5 * side + scale * (line[v, 1] - 0.5 * (top + bottom))


@step
def stroke(a, b, softness, box):
    """Ink the pixels near the piece from vertex `a` to vertex `b`, except where there is more ink already."""
    side = len(box)
    ax, ay, ar = a[0], a[1], a[2]
    dx, dy, dr = b[0] - ax, b[1] - ay, b[2] - ar
    length2 = dx * dx + dy * dy
    inverse = 1.0 / length2 if length2 > 0.0 else 0.0
    sharpness = 1.0 / softness
    reach = max(ar, b[2]) + 0.5 * softness
    # Pixel (j, h) has its centre at (h + 0.5, j + 0.5).
    first_j = max(0, int(min(ay, b[1]) - reach))
    last_j = min(side, int(max(ay, b[1]) + reach) + 1)
    first_h = max(0, int(min(ax, b[0]) - reach))
    last_h = min(side, int(max(ax, b[0]) + reach) + 1)
    for j in range(first_j, last_j):
        y = j + 0.5 - ay
        for h in range(first_h, last_h):
            x = h + 0.5 - ax
            t = min(1.0, max(0.0, (x * dx + y * dy) * inverse))
            ex, ey = x - t * dx, y - t * dy
            cover = (ar + t * dr - np.sqrt(ex * ex + ey * ey)) * sharpness + 0.5
            box[j, h] = max(box[j, h], min(1.0, cover))


@step
def place(box, ink, image):
    """Copy the box into the image as bytes, moved by whole pixels until its centre of mass is nearest to pixel
    (rows / 2, columns / 2): where MNIST's is, half a pixel from the middle.
    """
    side = len(box)
    mass, mass_j, mass_h = 0.0, 0.0, 0.0
    for j in range(side):
        for h in range(side):
            box[j, h] = np.floor(255.0 * min(1.0, ink * box[j, h]) + 0.5)
            mass += box[j, h]
            mass_j += box[j, h] * j
            mass_h += box[j, h] * h
    rows, columns = image.shape
    down = min(rows - side, max(0, int(np.floor(0.5 * rows - mass_j / mass + 0.5))))
    along = min(columns - side, max(0, int(np.floor(0.5 * columns - mass_h / mass + 0.5))))
    image[:] = 0
    for j in range(side):
        for h in range(side):
            image[down + j, along + h] = np.uint8(box[j, h])
