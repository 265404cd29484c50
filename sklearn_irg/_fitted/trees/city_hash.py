"""CityHash64 in its first version, with which CatBoost hashes strings; for up to 64 bytes."""

__all__ = ["LONGEST", "hash_of"]

LONGEST = 64  # bytes; the hash has another branch for longer strings
_ALL = 2**64 - 1  # bits of a word
# k0 to k3, as the hash defines them
_K = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F, 0xC949D7C7509E6557
_MULTIPLIER = 0x9DDFEA08EB382D69  # the multiplier with which the hash mixes two words


def hash_of(word):
    """The lower 32 bits, as a signed integer."""
    low = _city_hash(word.encode()) & 0xFFFFFFFF
    return low - 2**32 if low >= 2**31 else low


def _city_hash(text):
    n = len(text)
    if n == 0:
        return _K[2]
    if n < 4:
        start, size = text[0] + (text[n >> 1] << 8), n + (text[-1] << 2)
        return _mixed((start * _K[2] ^ size * _K[3]) & _ALL) * _K[2] & _ALL
    if n <= 8:
        return _of_two(n + (_word(text, 0, 4) << 3), _word(text, n - 4, 4))
    if n <= 16:
        first, last = _word(text, 0), _word(text, n - 8)
        return _of_two(first, _rotated(last + n, n)) ^ last
    return _of_up_to_32(text, n) if n <= 32 else _of_up_to_64(text, n)


def _of_up_to_32(text, n):
    a, b = _word(text, 0) * _K[1], _word(text, 8)
    c, d = _word(text, n - 8) * _K[2], _word(text, n - 16) * _K[0]
    return _of_two(_rotated(a - b, 43) + _rotated(c, 30) + d, a + _rotated(b ^ _K[3], 20) - c + n)


def _of_up_to_64(text, n):
    z = _word(text, 24)
    first, second = _of_half(
        _word(text, 0) + (n + _word(text, n - 16)) * _K[0], z, _word(text, 8), _word(text, 16)
    )
    z = _word(text, n - 8)
    others = _word(text, n - 24), _word(text, n - 16)
    third, fourth = _of_half(_word(text, 16) + _word(text, n - 32), z, *others)
    return (
        _mixed(_mixed((first + fourth) * _K[2] + (third + second) * _K[0]) * _K[0] + second) * _K[2]
        & _ALL
    )


def _of_half(a, z, x, y):
    b, c = _rotated(a + z, 52), _rotated(a, 37) + _rotated(a + x, 7)
    return a + x + y + z, b + _rotated(a + x + y, 31) + c


def _of_two(first, second):
    a = _mixed((first ^ second) * _MULTIPLIER)
    return _mixed((second ^ a) * _MULTIPLIER) * _MULTIPLIER & _ALL


def _word(text, start, size=8):
    return int.from_bytes(text[start : start + size], "little")


def _mixed(value):
    value &= _ALL
    return value ^ (value >> 47)


def _rotated(value, n_bits):
    value &= _ALL
    return (value >> n_bits | value << (64 - n_bits)) & _ALL
