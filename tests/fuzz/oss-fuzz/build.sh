#!/bin/bash -eu
# Build the fuzz targets of tests/c, with their seeds. OSS-Fuzz sets SRC, OUT, CC, CFLAGS and
# LIB_FUZZING_ENGINE; scripts/fuzz sets them as well.
cd "$SRC/corsfast"
mkdir -p "$OUT"
for source in tests/c/fuzz_*.c; do
  name=$(basename "$source" .c)
  # shellcheck disable=SC2086
  $CC $CFLAGS -std=c11 -Icsrc -Itests/c "$source" csrc/*.c $LIB_FUZZING_ENGINE -o "$OUT/$name"
  python3 -m zipfile -c "$OUT/${name}_seed_corpus.zip" "tests/c/seeds/$name"/*
done
