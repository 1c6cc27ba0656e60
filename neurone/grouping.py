"""Which parts of a picture's ink make a digit, and in which order digits are read (specification section 17)."""

import numpy as np
from scipy import ndimage

# Parts of a digit lie above each other: they share half of the narrower one's columns, and together are little higher
# than the higher one; two lines of digits are twice as high. Or one, such as the bar of a 5, is less high than half of
# the other, and next to it; but no dot.
_SHARED, _HIGHER, _LOW, _NEXT = 0.5, 1.4, 0.5, 0.1
_DOT = 0.3  # what is less high and less wide than this part of the highest digit's height is a dot, a comma, a blot


def grouped(parts):
    """The digits' numbers from where ink is: parts of one digit together."""
    labels, _ = ndimage.label(parts, np.ones((3, 3)))
    digits = [(rows, columns, [number]) for number, (rows, columns) in enumerate(ndimage.find_objects(labels), 1)]
    digits.sort(key=lambda digit: -_length(digit[0]))
    joined = []
    for digit in digits:
        for place, other in enumerate(joined):
            if _together(digit, other):
                joined[place] = *(_hull(a, b) for a, b in zip(digit[:2], other[:2], strict=True)), digit[2] + other[2]
                break
        else:
            joined.append(digit)
    least = _DOT * max((_length(rows) for rows, *_ in joined), default=0)
    joined = [digit for digit in joined if max(_length(digit[0]), _length(digit[1])) >= least]
    numbers = np.full(labels.max() + 1, -1)
    numbers[0] = 0
    for number, digit in enumerate(_in_reading_order(joined), 1):
        numbers[digit[2]] = number
    return numbers[labels]


def _length(part):
    return part.stop - part.start


def _hull(a, b):
    return slice(min(a.start, b.start), max(a.stop, b.stop))


def _overlap(a, b):
    """What both stretches have in common; below 0, how far they are apart."""
    return min(a.stop, b.stop) - max(a.start, b.start)


def _shared(a, b):
    return _overlap(a, b) / min(_length(a), _length(b))


def _together(part, digit):
    """Whether `part` belongs to the higher `digit`."""
    (rows, columns, _), (others, columns_of_digit, _) = part, digit
    high = _length(others)
    above = _shared(columns, columns_of_digit) >= _SHARED and _length(_hull(rows, others)) <= _HIGHER * high
    apart = -min(_overlap(rows, others), _overlap(columns, columns_of_digit))
    beside = _length(rows) <= _LOW * high and _length(columns) >= _DOT * high and apart <= _NEXT * high
    return above or beside


def _in_reading_order(digits):
    lines = []
    for digit in sorted(digits, key=lambda digit: digit[0].start + digit[0].stop):
        if lines and _shared(digit[0], lines[-1][-1][0]) >= _SHARED:
            lines[-1].append(digit)
        else:
            lines.append([digit])
    return [digit for line in lines for digit in sorted(line, key=lambda digit: digit[1].start)]


def nearest(parts):
    """For each pixel the number of the nearest part."""
    rows, columns = ndimage.distance_transform_edt(parts == 0, return_distances=False, return_indices=True)
    return parts[rows, columns]
