"""The rewriter changes launches and shared memory, nothing else, and moves no line."""

import subprocess
import sys
from pathlib import Path

import pytest

from edudet.emulator import rewrite as module
from edudet.emulator.rewrite import RewriteError, rewrite, tokens

ENGINE = "::edudet::emulator::"


def body(source, folders=()):
    text, _ = rewrite(source, "k.cu", folders)
    head, line, rest = text.split("\n", 2)
    assert (head, line) == ("#include <cuda_runtime.h>", '#line 1 "k.cu"')
    return rest


def launched(kernel, configuration):
    return (
        f'{ENGINE}launcher("{kernel}", {ENGINE}Configuration({configuration}), '
        f"[&](auto... edudet_arguments) {{ {kernel}(edudet_arguments...); }})"
    )


@pytest.mark.parametrize(
    ("source", "kernel", "configuration"),
    [
        ("k<<<1, 2>>>(a, b);", "k", "1, 2"),
        ("k<float, 4><<<g, b, 0, s>>>(a);", "k<float, 4>", "g, b, 0, s"),
        ("k<T, (N > 2)><<<1, 1>>>();", "k<T, (N > 2)>", "1, 1"),
        ("k<Pair<int, Pair<int, int>>><<<1, 1>>>();", "k<Pair<int, Pair<int, int>>>", "1, 1"),
        ("box::in::k<<<(n + 3) / 4, dim3(8, 8)>>>(n);", "box::in::k", "(n + 3) / 4, dim3(8, 8)"),
        ("::k<<<1 << 3, x >> 1>>>();", "::k", "1 << 3, x >> 1"),
        ("table[i]<<<1, 1>>>(p);", "table[i]", "1, 1"),
        ("(fast ? k : l)<<<1, 1>>>(p);", "(fast ? k : l)", "1, 1"),
        ("S<T>::template k<4><<<1, 1>>>(p);", "S<T>::template k<4>", "1, 1"),
    ],
)
def test_launches(source, kernel, configuration):
    arguments = source[source.index(">>>(") + 3 :]
    for before in ("", "if (a < b) ", "return ", "x = y; ", "{ "):
        got = body(before + source)
        assert got == before + launched(kernel, configuration) + arguments


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("__shared__ float x;", {"x": "float"}),
        ("__shared__ float tile[32][33];", {"tile": "float[32][33]"}),
        ("__shared__ unsigned long long a[4], b, c[N + 1];",
         {"a": "unsigned long long[4]", "b": "unsigned long long",
          "c": "unsigned long long[N + 1]"}),
        ("__shared__ Pair<int, float> p[2];", {"p": "Pair<int, float>[2]"}),
        ("__shared__ __align__(16) float4 v[8];", {"v": "float4[8]"}),
        ("static __shared__ T* p[3];", {"p": "T*[3]"}),
        ("__shared__ volatile int flag;", {"flag": "volatile int"}),
        ("__shared__ typename S<T>::type s[(a < b) ? 1 : 2];",
         {"s": "typename S<T>::type[(a < b) ? 1 : 2]"}),
    ],
)  # fmt: skip
def test_shared_variables(source, expected):
    wanted = "".join(
        f'[[maybe_unused]] auto& {name} = {ENGINE}shared<{type_}>("{name}", [] {{}}); '
        for name, type_ in expected.items()
    )
    assert body(f"{{ {source} }}") == f"{{ {wanted.rstrip()} }}"


@pytest.mark.parametrize(
    ("source", "type_"),
    [
        ("extern __shared__ float buffer[];", "float"),
        ("extern __shared__ __align__(16) unsigned char buffer[];", "unsigned char"),
        ("extern __shared__ float buffer[][32];", "float[32]"),
    ],
)
def test_dynamic_shared_memory(source, type_):
    assert body(source) == f'auto* const buffer = {ENGINE}dynamic_shared<{type_}>("buffer");'


@pytest.mark.parametrize(
    "source",
    [
        "// k<<<1, 1>>>(); __shared__ int x;",
        "/* k<<<1,\n 1>>>(); */ int y;",
        'const char* text = "k<<<1, 1>>>() \\" __shared__";',
        'const char* raw = R"x(k<<<1, 1>>>() " __shared__)x";',
        "char c = '<'; int big = 1'000'000 << 2;",
        "int z = a << b >> c;",
    ],
)
def test_what_is_left_alone(source):
    assert body(source) == source


def test_tokens_joined_are_the_text():
    text = Path(module.__file__).read_text()
    text += "\n 1.5e-3f 0x1p-2 1'000 u8\"x\" L'\\'' a->b::c // end \\\n more"
    assert "".join(tokens(text)) == text


def test_lines_do_not_move():
    source = """
void f() {
  k<float,
    4>  // which
    <<<dim3(1,
            2), 3>>>
      (a,
       b);
  __shared__ float
      x[4],
      y;
  int line_12 = __LINE__;
}
"""
    lines = body(source).split("\n")
    assert len(lines) == len(source.split("\n"))
    assert lines[11] == "  int line_12 = __LINE__;"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("\n<<<1, 1>>>(a);", r"k\.cu:2: there is no kernel's name"),
        ("\n\nk<<<1, 1(a);", r"k\.cu:3: <<< of k is not followed by >>>\("),
        ("k<<<1, 1>>>;", r"k\.cu:1: <<< of k is not followed"),
        ("__shared__ struct { int a; } s;", r"k\.cu:1: give the type .* a name"),
        ("__shared__ int (*p)[4];", r"k\.cu:1: this __shared__ declaration is not understood"),
        ("__shared__ int x", r"k\.cu:1: the __shared__ declaration does not end"),
        ("extern __shared__ int x;", r"k\.cu:1: extern __shared__ needs an array"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_line(source, message):
    with pytest.raises(RewriteError, match=message):
        body(source)


def test_includes(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "plain.h").write_text("#pragma once\nint plain;\n")
    kernel = '#pragma once\n#include "deep/other.cuh"\n__shared__ int a;\n'
    (tmp_path / "kernel.cuh").write_text(kernel)
    (tmp_path / "deep/other.cuh").write_text('#include "../plain.h"\n__shared__ int b;\n')
    source = '#include "kernel.cuh"\n' * 2 + '#include "unknown.h"\n#include <vector>\nx\n'
    text, files = rewrite(source, "dir/k.cu", [tmp_path])
    lines = text.split("\n")
    assert files == [tmp_path / name for name in ("kernel.cuh", "deep/other.cuh", "plain.h")]
    assert text.count("int& a") + text.count("auto& a") == 1 and "#pragma once" not in text
    assert f'#include "{tmp_path}/plain.h"' in lines  # nothing to rewrite: stays a file
    assert '#include "unknown.h"' in lines and "#include <vector>" in lines
    # Each line is under the #line that names its file and number.
    place = {}
    for line in lines:
        if line.startswith("#line"):
            _, number, name = line.split()
            number = int(number)
        else:
            place.setdefault(line, (name, number)) if lines.index(line) else None
            number = number + 1 if lines.index(line) else 0
    shown = {line.split("=")[0].strip(): at for line, at in place.items() if "auto&" in line}
    assert shown == {
        "[[maybe_unused]] auto& a": ('"dir/kernel.cuh"', 3),
        "[[maybe_unused]] auto& b": ('"dir/deep/other.cuh"', 2),
    }
    assert place["x"] == ('"dir/k.cu"', 5)


def test_a_header_that_includes_kernels_is_rewritten_too(tmp_path):
    (tmp_path / "outer.h").write_text('#pragma once\n#include "inner.cuh"\n')
    (tmp_path / "inner.cuh").write_text("#pragma once\n__shared__ int a;\n")
    text, files = rewrite('#include "outer.h"\n', "k.cu", [tmp_path])
    assert "auto& a" in text and files == [tmp_path / "outer.h", tmp_path / "inner.cuh"]


def test_runs_as_a_script_without_the_package(tmp_path):
    (tmp_path / "a.cuh").write_text("__shared__ int a;\n")
    (tmp_path / "a.cu").write_text('#include "a.cuh"\nvoid f() { k<<<1, 1>>>(); }\n')
    command = [sys.executable, "-S", module.__file__, "a.cu", "a.cpp", "--depfile", "a.d"]
    subprocess.run(command, cwd=tmp_path, check=True, env={})
    assert "launcher" in (tmp_path / "a.cpp").read_text()
    assert (tmp_path / "a.d").read_text() == f"a.cpp: {tmp_path}/a.cuh\n"
    (tmp_path / "a.cu").write_text("<<<")
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode and "a.cu:1" in done.stderr
