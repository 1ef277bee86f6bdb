"""Makes pictures of every form that people send, and Pillow's crops of them.

pillow.py make FOLDER [PHOTOGRAPHS]   files, raw crops and cases.json into FOLDER
pillow.py time                        reads {"file", "recipe"} a line, answers with milliseconds a line
"""

import io
import json
import struct
import sys
import time
import zlib
from pathlib import Path

import numpy
from PIL import Image, ImageCms, ImageOps, features

filters = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "hamming": Image.Resampling.HAMMING,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def recipe(interpolation="bilinear", short=256, crop=224, size=None):
    width, height = size or (crop, crop)
    return {
        "resizeShortSide": short,
        "cropSize": crop,
        "interpolation": interpolation,
        "width": width,
        "height": height,
    }


usual = [recipe("bilinear"), recipe("bicubic")]


# The reference: what torchvision's Resize and CenterCrop make of a Pillow image.


def to_rgb(image):
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I;16"):
        # convert('RGB') would clip at 255 and leave white: 16 bits are scaled to 8 here.
        return Image.fromarray((numpy.asarray(image) >> 8).astype(numpy.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGB", rgba.size, (255, 255, 255))
        white.paste(rgba.convert("RGB"), mask=rgba.getchannel("A"))
        return white
    return image.convert("RGB")


def resize(image, recipe):
    short, crop = recipe["resizeShortSide"], recipe["cropSize"]
    width, height = image.size
    if short is None:
        size = (crop, crop)
    elif width <= height:
        size = (short, int(short * height / width))
    else:
        size = (int(short * width / height), short)
    return image.resize(size, filters[recipe["interpolation"]])


def centre_crop(image, side):
    width, height = image.size
    if width < side or height < side:
        left, top = max(0, (side - width) // 2), max(0, (side - height) // 2)
        padded = Image.new("RGB", (max(width, side), max(height, side)))
        padded.paste(image, (left, top))
        image, (width, height) = padded, padded.size
    left, top = int(round((width - side) / 2.0)), int(round((height - side) / 2.0))
    return image.crop((left, top, left + side, top + side))


def crop_of(image, recipe):
    square = centre_crop(resize(image, recipe), recipe["cropSize"])
    size = (recipe["width"], recipe["height"])
    return square if square.size == size else square.resize(size, filters[recipe["interpolation"]])


# The pictures: soft shapes, hard edges and fine grain, the same on every machine.


def picture(width, height, channels=3):
    random = numpy.random.default_rng(width * 10_007 + height * 101 + channels)
    coarse = random.integers(0, 256, (9, 9, channels), dtype=numpy.uint8)
    planes = [
        numpy.asarray(Image.fromarray(coarse[:, :, i]).resize((width, height), filters["bicubic"]))
        for i in range(channels)
    ]
    pixels = numpy.stack(planes, axis=2).astype(numpy.int16)
    tile = random.integers(-12, 13, (211, 223, 1), dtype=numpy.int16)
    pixels += numpy.tile(tile, (height // 211 + 1, width // 223 + 1, 1))[:height, :width]
    for _ in range(6):
        left, top = int(random.integers(0, width)), int(random.integers(0, height))
        pixels[top : top + height // 5 + 1, left : left + width // 7 + 1, int(random.integers(0, channels))] += 70
    return numpy.clip(pixels, 0, 255).astype(numpy.uint8)


def rgb(width, height):
    return Image.fromarray(picture(width, height))


def grey(width, height):
    return Image.fromarray(picture(width, height, 1)[:, :, 0])


def wide16(width, height, channels):
    """Pixels of 16 bits whose low bytes are not their high bytes."""
    high = picture(width, height, channels).astype(numpy.uint16)
    return high * 256 + numpy.random.default_rng(5).integers(0, 256, high.shape, dtype=numpy.uint16)


def encode(image, format, **options):
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


# PNG forms that Pillow does not write (https://www.w3.org/TR/png-3/).


def png_chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(pixels, colour_type, extra=b"", interlaced=False):
    height, width = pixels.shape[:2]
    depth = pixels.dtype.itemsize * 8
    passes = [(0, 0, 1, 1)]
    if interlaced:
        passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    rows = b""
    for left, top, across, down in passes:
        for row in pixels[top::down, left::across]:
            rows += b"\0" + row.astype(row.dtype.newbyteorder(">")).tobytes() if row.size else b""
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, int(interlaced))
    body = png_chunk(b"IHDR", header) + extra + png_chunk(b"IDAT", zlib.compress(rows, 1)) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def odd_profile():
    """sRGB with red and green exchanged: whoever applies it shows other colours."""
    data = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return data.replace(b"rXYZ", b"?XYZ", 1).replace(b"gXYZ", b"rXYZ", 1).replace(b"?XYZ", b"gXYZ", 1)


def exif(orientation):
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags.tobytes()


def xmp(orientation):
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" '
        f'tiff:Orientation="{orientation}"/></rdf:RDF></x:xmpmeta>'
    ).encode()


def make_cases():
    """(group, what, bytes, recipes)"""
    yield from make_sizes()
    yield from make_jpegs()
    yield from make_pngs()
    yield from make_others()
    yield from make_recipes()


def make_sizes():
    for width, height in [
        (1, 1), (8, 8), (9, 7), (31, 17), (100, 75), (223, 225), (256, 256), (257, 255), (500, 375),
        (1080, 2400), (300, 3001), (2400, 1080),
        (375, 500), (333, 501), (1023, 767), (40, 1600), (1600, 40), (2000, 9), (3024, 4032),
    ]:  # fmt: skip
        yield "size, PNG", f"{width} x {height}", encode(rgb(width, height), "PNG", compress_level=1), usual
    yield "size, JPEG", "6000 x 4000", encode(rgb(6000, 4000), "JPEG", quality=90), usual
    yield "size, JPEG", "4001 x 5999, 4:4:4", encode(rgb(4001, 5999), "JPEG", quality=85, subsampling=0), usual
    yield "size, JPEG", "8 x 8", encode(rgb(8, 8), "JPEG", quality=90), usual
    yield "size, JPEG", "17 x 31", encode(rgb(17, 31), "JPEG", quality=90), usual


def make_jpegs():
    whole = [recipe("bilinear", None, 256), *usual]
    for quality in (30, 75, 90, 100):
        for name, subsampling in (("4:4:4", 0), ("4:2:2", 1), ("4:2:0", 2)):
            bytes = encode(rgb(256, 256), "JPEG", quality=quality, subsampling=subsampling)
            yield "JPEG", f"quality {quality}, {name}", bytes, whole
    base = rgb(501, 377)
    yield "JPEG", "4:2:0, odd sides", encode(base, "JPEG", quality=85, subsampling=2), usual
    yield "JPEG", "progressive", encode(base, "JPEG", quality=85, progressive=True), usual
    yield "JPEG", "progressive, 4:4:4", encode(base, "JPEG", quality=95, progressive=True, subsampling=0), usual
    yield "JPEG", "RGB inside", encode(base, "JPEG", quality=90, keep_rgb=True), usual
    yield "JPEG", "restart markers", encode(base, "JPEG", quality=85, restart_marker_rows=1), usual
    yield "JPEG", "grey", encode(grey(501, 377), "JPEG", quality=85), usual
    inks = Image.fromarray(picture(501, 377, 4), "CMYK")
    yield "JPEG", "CMYK", encode(inks, "JPEG", quality=95), usual
    yield "JPEG", "CMYK, progressive", encode(inks, "JPEG", quality=80, progressive=True), usual
    yield "colour profile", "JPEG", encode(base, "JPEG", quality=90, icc_profile=odd_profile()), usual
    yield "colour profile", "grey JPEG, RGB profile", encode(grey(400, 300), "JPEG", icc_profile=odd_profile()), usual
    yield "colour profile", "CMYK JPEG, RGB profile", encode(inks, "JPEG", icc_profile=odd_profile()), usual
    yield "colour profile", "PNG", encode(base, "PNG", icc_profile=odd_profile()), usual
    yield "colour profile", "WebP", encode(base, "WEBP", lossless=True, icc_profile=odd_profile()), usual
    for orientation in range(1, 9):
        bytes = encode(rgb(400, 301), "JPEG", quality=90, exif=exif(orientation))
        yield "orientation", f"JPEG, {orientation}", bytes, usual
    for orientation in (0, 9):
        yield "orientation", f"JPEG, {orientation} (no such)", encode(base, "JPEG", exif=exif(orientation)), usual
    yield "orientation", "JPEG, 6 in XMP alone", encode(base, "JPEG", xmp=xmp(6)), usual
    yield "orientation", "JPEG, 3, and 6 in XMP", encode(base, "JPEG", exif=exif(3), xmp=xmp(6)), usual
    yield "orientation", "WebP, 8 in XMP alone", encode(base, "WEBP", lossless=True, xmp=xmp(8)), usual
    yield "orientation", "PNG, 6", encode(base, "PNG", exif=exif(6)), usual
    yield "orientation", "WebP, 8", encode(base, "WEBP", lossless=True, exif=exif(8)), usual
    yield "orientation", "CMYK JPEG, 5", encode(inks, "JPEG", quality=95, exif=exif(5)), usual
    yield "orientation", "progressive JPEG, 6", encode(base, "JPEG", progressive=True, exif=exif(6)), usual


def make_pngs():
    base = rgb(401, 299)
    rgba = Image.fromarray(picture(401, 299, 4))
    yield "PNG", "grey", encode(grey(401, 299), "PNG"), usual
    yield "PNG", "grey + alpha", encode(Image.fromarray(picture(401, 299, 2), "LA"), "PNG"), usual
    yield "PNG", "RGBA", encode(rgba, "PNG"), usual
    yield "PNG", "black and white, 1 bit", encode(grey(401, 299).convert("1"), "PNG"), usual
    for colours in (2, 4, 16, 256):
        yield "PNG", f"palette of {colours}", encode(base.quantize(colours), "PNG"), usual
    yield "PNG", "palette, one transparent", encode(base.quantize(64), "PNG", transparency=3), usual
    shades = bytes(range(0, 256, 4))
    yield "PNG", "palette, each its alpha", encode(base.quantize(64), "PNG", transparency=shades), usual
    few = Image.fromarray(numpy.asarray(base) // 64 * 64)
    common = tuple(int(c) for c in numpy.asarray(few)[150, 200])
    yield "PNG", "RGB, one transparent", encode(few, "PNG", transparency=common), usual
    few = Image.fromarray(numpy.asarray(grey(401, 299)) // 32 * 32)
    yield "PNG", "grey, one transparent", encode(few, "PNG", transparency=int(few.getpixel((200, 150)))), usual
    yield "PNG", "16 bits, grey", png(wide16(401, 299, 1), 0), usual
    yield "PNG", "16 bits, RGB", png(wide16(401, 299, 3), 2), usual
    yield "PNG", "16 bits, grey + alpha", png(wide16(401, 299, 2), 4), usual
    yield "PNG", "16 bits, RGBA", png(wide16(401, 299, 4), 6), usual
    yield "PNG", "interlaced", png(picture(401, 299), 2, interlaced=True), usual
    yield "PNG", "interlaced, RGBA", png(picture(401, 299, 4), 6, interlaced=True), usual
    yield "PNG", "gamma 1", png(picture(401, 299), 2, png_chunk(b"gAMA", struct.pack(">I", 100_000))), usual


def make_others():
    base, second = rgb(401, 299), rgb(401, 298).resize((401, 299))
    rgba = Image.fromarray(picture(401, 299, 4))
    yield "WebP", "lossless", encode(base, "WEBP", lossless=True), usual
    yield "WebP", "lossless, alpha", encode(rgba, "WEBP", lossless=True, exact=True), usual
    yield "WebP", "quality 80", encode(base, "WEBP", quality=80), usual
    yield "WebP", "quality 30", encode(base, "WEBP", quality=30), usual
    yield "WebP", "quality 80, alpha", encode(rgba, "WEBP", quality=80), usual
    moving = encode(base, "WEBP", save_all=True, append_images=[second], lossless=True, duration=100)
    yield "WebP", "animation", moving, usual
    moving = encode(base, "PNG", save_all=True, append_images=[second])
    yield "PNG", "animation", moving, usual
    yield "JPEG", "two pictures (MPO)", encode(base, "MPO", save_all=True, append_images=[second]), usual
    yield "JPEG", "stray bytes behind it", encode(base, "JPEG") + b"stray" * 40, usual
    yield "TIFF", "JPEG inside", encode(base, "TIFF", compression="jpeg"), usual
    yield "TIFF", "black and white, group 4", encode(base.convert("1"), "TIFF", compression="group4"), usual
    few = base.quantize(128)
    yield "GIF", "still", encode(few, "GIF"), usual
    yield "GIF", "grey", encode(grey(401, 299), "GIF"), usual
    yield "GIF", "one transparent", encode(few, "GIF", transparency=5), usual
    yield "GIF", "animation", encode(few, "GIF", save_all=True, append_images=[second.quantize(128)]), usual
    yield "GIF", "interlaced", encode(few, "GIF", interlace=True), usual
    for compression in ("raw", "tiff_lzw"):
        yield "TIFF", f"RGB, {compression}", encode(base, "TIFF", compression=compression), usual
    yield "TIFF", "RGBA", encode(rgba, "TIFF"), usual
    yield "TIFF", "16 bits, grey", encode(Image.fromarray(wide16(401, 299, 1)[:, :, 0]), "TIFF"), usual
    yield "TIFF", "CMYK", encode(Image.fromarray(picture(401, 299, 4), "CMYK"), "TIFF"), usual
    yield "TIFF", "palette", encode(few, "TIFF"), usual
    yield "TIFF", "orientation 6", encode(base, "TIFF", tiffinfo={274: 6}), usual
    if features.check("avif"):
        yield "AVIF", "quality 80, 4:2:0", encode(base, "AVIF", quality=80, speed=9), usual
        yield "AVIF", "quality 80, 4:4:4", encode(base, "AVIF", quality=80, speed=9, subsampling="4:4:4"), usual
        yield "AVIF", "quality 90, alpha", encode(rgba, "AVIF", quality=90, speed=9), usual


def make_recipes():
    others = [
        recipe("bilinear", 232, 224), recipe("bicubic", 342, 299), recipe("bilinear", 480, 480),
        recipe("bilinear", None, 224), recipe("bicubic", None, 299), recipe("bilinear", None, 600),
        recipe("bilinear", 128, 224), recipe("bilinear", 256, 224, (96, 64)), recipe("bicubic", 64, 63),
        recipe("nearest"), recipe("box"), recipe("hamming"), recipe("lanczos"), recipe("lanczos", 300, 299),
        recipe("nearest", None, 224), recipe("lanczos", None, 331),
    ]  # fmt: skip
    for width, height in [(500, 375), (121, 333), (1501, 499)]:
        yield "recipes", f"{width} x {height}, PNG", encode(rgb(width, height), "PNG"), others


def make(folder, photographs):
    cases = [*make_cases()]
    for file in sorted(Path(photographs).glob("*.JPEG")) if photographs else []:
        cases.append(("photographs", file.stem, file.read_bytes(), usual))
    listed = []
    for number, (group, what, data, recipes) in enumerate(cases):
        (folder / f"{number}").write_bytes(data)
        image = Image.open(io.BytesIO(data))
        upright = to_rgb(image)
        for index, each in enumerate(recipes):
            (folder / f"{number}.{index}").write_bytes(crop_of(upright, each).tobytes())
        case = {"group": group, "what": what, "width": upright.width, "height": upright.height}
        listed.append({**case, "mode": image.mode, "recipes": recipes})
    for name, size in (("small", (500, 375)), ("large", (4000, 3000))):
        (folder / f"{name}.jpg").write_bytes(encode(rgb(*size), "JPEG", quality=90))
    versions = {
        "Pillow": Image.__version__,
        "libjpeg-turbo": features.version("libjpeg_turbo"),
        "libavif": features.version("avif"),
    }
    (folder / "cases.json").write_text(json.dumps({"versions": versions, "cases": listed}))


def answer_times():
    for line in sys.stdin:
        job = json.loads(line)
        data = Path(job["file"]).read_bytes()
        started = time.perf_counter()
        crop_of(to_rgb(Image.open(io.BytesIO(data))), job["recipe"]).tobytes()
        print((time.perf_counter() - started) * 1000, flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "time":
        answer_times()
    else:
        make(Path(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else None)
