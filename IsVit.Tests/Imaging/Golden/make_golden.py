"""Writes the golden values of the imaging tests: what Pillow 9.4.0 gives for synthetic images.

Run in this folder: python3 make_golden.py (needs Pillow and NumPy). Tests read what it wrote and need no Python.
"""

import hashlib
import struct
import zlib

import numpy as np
from PIL import Image

FILTERS = {"Bicubic": Image.BICUBIC, "Bilinear": Image.BILINEAR}


def pattern(width, height):
    """The image that SyntheticImage.Pattern makes."""
    y, x, c = np.mgrid[0:height, 0:width, 0:3]
    return ((x * 37 + y * 91 + c * 53 + x * y * (c + 3)) & 255).astype(np.uint8)


def smooth(width, height):
    """Something that lossy formats keep recognisable."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 6 ^ y, y * 9 ^ x * 2, x * y // 4 ^ 85], -1).astype(np.uint8)


def digest(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def resizes():
    sizes = [(13, 9, 7, 5), (7, 5, 13, 9), (64, 48, 64, 48), (64, 48, 64, 31), (64, 48, 31, 48), (1, 1, 5, 4), (5, 4, 1, 1), (1, 40, 9, 3),
             (40, 1, 3, 9), (299, 299, 248, 248), (341, 256, 330, 248), (1000, 700, 24, 17), (3, 3, 224, 224), (257, 193, 100, 101), (33, 17, 16, 8)]
    with open("resize.csv", "w", newline="\n") as out:
        out.write("filter,fromWidth,fromHeight,width,height,sha256\n")
        for name, kernel in FILTERS.items():
            for fw, fh, w, h in sizes:
                image = Image.fromarray(pattern(fw, fh)).resize((w, h), kernel)
                out.write(f"{name},{fw},{fh},{w},{h},{digest(np.asarray(image))}\n")
    print("13 x 9 -> 4 x 3, bicubic:", np.asarray(Image.fromarray(pattern(13, 9)).resize((4, 3), Image.BICUBIC)).reshape(-1).tolist())


def preprocess(image, size, crop, kernel, squashes=False):
    """timm's evaluation transform of a Pillow image: torchvision's Resize, of the short side or of both, and CenterCrop."""
    side = int(size / crop)
    w, h = image.size
    w, h = (side, side) if squashes else (side, int(side * h / w)) if w <= h else (int(side * w / h), side)
    left, top = int(round((w - size) / 2.0)), int(round((h - size) / 2.0))
    return image.resize((w, h), kernel).crop((left, top, left + size, top + size))


def preprocessings():
    cases = [(w, h, s, c) for w, h in [(60, 40), (40, 60), (53, 53), (61, 47), (47, 61), (200, 31), (20, 97), (24, 24)] for s, c in [(24, 0.9), (24, 1.0), (25, 0.875), (32, 0.95)]]
    with open("preprocess.csv", "w", newline="\n") as out:
        out.write("mode,channels,filter,fromWidth,fromHeight,size,crop,sha256\n")
        for mode in ["ShortSide", "Squash"]:
            def write(channels, name, w, h, size, crop):
                image = Image.fromarray(pattern(w, h))
                result = preprocess(image.convert("L") if channels == 1 else image, size, crop, FILTERS[name], mode == "Squash")
                out.write(f"{mode},{channels},{name},{w},{h},{size},{crop},{digest(np.asarray(result))}\n")

            for case in cases:
                write(3, "Bicubic", *case)
            for case in cases[:6]:
                write(3, "Bilinear", *case)
                write(1, "Bicubic", *case)


def png(path, array, color_type):
    """A 16-bit PNG, which Pillow does not write in colour."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in array)
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    header = struct.pack(">IIBBBBB", array.shape[1], array.shape[0], 16, color_type, 0, 0, 0)
    with open(path, "wb") as out:
        out.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def files():
    w, h = 37, 26
    rgb = smooth(w, h)
    y, x = np.mgrid[0:h, 0:w]
    alpha = (x * 7 % 256).astype(np.uint8)
    image = Image.fromarray(rgb)
    rgba = Image.fromarray(np.dstack([rgb, alpha]), "RGBA")
    cmyk = Image.fromarray(np.dstack([rgb, ((x + y) % 256).astype(np.uint8)]), "CMYK")
    palette = image.quantize(16)

    image.save("files/colour.jpg", quality=90)
    image.save("files/progressive.jpg", quality=90, progressive=True)
    image.save("files/full_chroma.jpg", quality=95, subsampling=0)
    image.convert("L").save("files/grey.jpg")
    cmyk.save("files/cmyk.jpg", quality=95)
    image.save("files/colour.png")
    image.convert("L").save("files/grey.png")
    image.convert("1").save("files/bilevel.png")
    palette.save("files/palette.png")
    palette.save("files/palette_transparent.png", transparency=3)
    rgba.save("files/alpha.png")
    rgba.convert("LA").save("files/grey_alpha.png")
    image.save("files/colour.bmp")
    palette.save("files/palette.bmp")
    image.save("files/lossy.webp")
    image.save("files/lossless.webp", lossless=True)
    rgba.save("files/alpha_lossy.webp")
    rgba.save("files/alpha_lossless.webp", lossless=True, exact=True)
    deep = np.stack([x * 1700, y * 2500, (x * y * 31) % 65536], -1)
    png("files/deep.png", deep, 2)
    png("files/deep_alpha.png", np.dstack([deep, (x * 900) % 65536]), 6)
    png("files/deep_grey.png", x * 1700 + y * 40, 0)
    exif = image.getexif()
    for orientation in range(1, 9):
        exif[0x112] = orientation
        image.save(f"files/orientation{orientation}.jpg", exif=exif)
    image.save("files/orientation8.webp", exif=exif)

    names = ["colour.jpg", "progressive.jpg", "full_chroma.jpg", "grey.jpg", "cmyk.jpg", "colour.png", "grey.png", "bilevel.png", "palette.png",
             "palette_transparent.png", "alpha.png", "grey_alpha.png", "colour.bmp", "palette.bmp", "lossy.webp", "lossless.webp", "alpha_lossy.webp",
             "alpha_lossless.webp", "deep.png", "deep_alpha.png"] + [f"orientation{o}.jpg" for o in range(1, 9)] + ["orientation8.webp"]
    from PIL import ImageOps
    with open("decode.csv", "w", newline="\n") as out:
        out.write("file,width,height,sha256,uprightWidth,uprightHeight,uprightSha256\n")
        for name in names:
            decoded = Image.open("files/" + name)
            upright = ImageOps.exif_transpose(decoded).convert("RGB")
            decoded = decoded.convert("RGB")
            out.write(f"{name},{decoded.width},{decoded.height},{digest(np.asarray(decoded))},{upright.width},{upright.height},{digest(np.asarray(upright))}\n")


resizes()
preprocessings()
files()
