//! The differences between languages that matter for colours.

/// How a string starts and ends.
pub(super) struct Quote {
    pub(super) open: &'static str,
    pub(super) close: &'static str,
    /// A backslash is a backslash.
    pub(super) is_raw: bool,
    /// It may span lines.
    pub(super) is_long: bool,
}

const fn short(quote: &'static str) -> Quote {
    Quote { open: quote, close: quote, is_raw: false, is_long: false }
}

const fn long(quote: &'static str) -> Quote {
    Quote { open: quote, close: quote, is_raw: false, is_long: true }
}

const fn raw(open: &'static str, close: &'static str) -> Quote {
    Quote { open, close, is_raw: true, is_long: true }
}

/// A language, or a family whose members share most words: one keyword too many does no harm.
pub(super) struct Language {
    /// The names behind a fence.
    names: &'static str,
    pub(super) keywords: &'static str,
    pub(super) constants: &'static str,
    pub(super) types: &'static str,
    pub(super) line_comments: &'static [&'static str],
    pub(super) block_comments: &'static [(&'static str, &'static str)],
    /// Longer ones first.
    pub(super) quotes: &'static [Quote],
    /// Letters in front of a quote that belong to the string.
    pub(super) prefixes: &'static str,
    /// Signs that start a word: `$`, `@`, `#`, and `[` for `#[...]`.
    pub(super) signs: &'static str,
    /// Signs within a word.
    pub(super) word_signs: &'static str,
    /// The signs after a key. With `"` among them only strings are keys; with `{`, `@` starts a keyword.
    pub(super) keys: &'static [&'static str],
    pub(super) ignores_case: bool,
    pub(super) has_lifetimes: bool,
    pub(super) has_regexes: bool,
}

/// A language without any features. The others state theirs.
const NOTHING: Language = Language {
    names: "",
    keywords: "",
    constants: "",
    types: "",
    line_comments: &[],
    block_comments: &[],
    quotes: &[short("\""), short("'")],
    prefixes: "",
    signs: "",
    word_signs: "",
    keys: &[],
    ignores_case: false,
    has_lifetimes: false,
    has_regexes: false,
};

/// Comments as in C.
const SLASHES: Language = Language { line_comments: &["//"], block_comments: &[("/*", "*/")], ..NOTHING };

/// Comments as in a shell.
const HASHES: Language = Language { line_comments: &["#"], ..NOTHING };

static LANGUAGES: &[Language] = &[
    Language {
        names: "rust rs",
        keywords: "as async await break const continue crate dyn else enum extern fn for if impl in let loop match mod move mut \
                   pub ref return static struct super trait type union unsafe use where while yield",
        constants: "true false self Self None Some Ok Err",
        types: "bool char str u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize f32 f64",
        prefixes: "b c r br cr",
        signs: "[",
        quotes: &[raw("r#\"", "\"#"), long("\""), short("'")],
        has_lifetimes: true,
        ..SLASHES
    },
    Language {
        names: "javascript js jsx mjs cjs typescript ts tsx mts node",
        keywords: "abstract as async await break case catch class const continue debugger declare default delete do else enum \
                   export extends finally for from function get if implements import in infer instanceof interface is keyof \
                   let namespace new of private protected public readonly return satisfies set static super switch throw try \
                   type typeof var void while with yield",
        constants: "true false null undefined NaN Infinity this globalThis",
        types: "any bigint boolean never number object string symbol unknown",
        quotes: &[short("\""), short("'"), long("`")],
        signs: "@",
        word_signs: "$",
        has_regexes: true,
        ..SLASHES
    },
    Language {
        names: "python py python3 py3 pyi ipython starlark",
        keywords: "and as assert async await break case class continue def del elif else except finally for from global if \
                   import in is lambda match nonlocal not or pass raise return try while with yield",
        constants: "True False None self cls Ellipsis NotImplemented",
        types: "bool bytes bytearray complex dict float frozenset int list object set str tuple type",
        quotes: &[long("\"\"\""), long("'''"), short("\""), short("'")],
        prefixes: "f r b u fr rf br rb F R B U",
        signs: "@",
        ..HASHES
    },
    Language {
        names: "c h cpp c++ cc cxx hpp hxx objc cuda glsl hlsl wgsl arduino ino",
        keywords: "alignas alignof asm auto break case catch class co_await co_return co_yield concept const const_cast consteval \
                   constexpr constinit continue decltype default delete do dynamic_cast else enum explicit export extern final \
                   for friend goto if inline mutable namespace new noexcept operator override private protected public register \
                   reinterpret_cast requires return sizeof static static_assert static_cast struct switch template throw try \
                   typedef typeid typename union using virtual volatile while",
        constants: "true false nullptr this NULL",
        types: "bool char char8_t char16_t char32_t double float int int8_t int16_t int32_t int64_t long short signed size_t \
                ssize_t uint8_t uint16_t uint32_t uint64_t unsigned void wchar_t",
        prefixes: "L u U u8",
        quotes: &[raw("R\"(", ")\""), short("\""), short("'")],
        signs: "#",
        ..SLASHES
    },
    Language {
        names: "java kotlin kt kts scala groovy gradle csharp cs c# dart swift",
        keywords: "abstract actor as assert async await base break by case catch class companion const continue data def default \
                   defer do else enum event explicit export extends extension external final finally for foreach fun func get \
                   given goto guard if implements implicit import in infix init inline inout inner instanceof interface internal \
                   is late lazy let library lock match mixin mutating namespace native new nonisolated object of open operator \
                   out override package part private protected protocol public readonly record ref repeat required return \
                   sealed select set some static strictfp struct subscript super suspend switch synchronized throw throws trait \
                   transient try type typealias unless until using val var vararg virtual void volatile when where while with \
                   yield",
        constants: "true false null nil this self Self it",
        types: "bool boolean byte char decimal double dynamic float int long object sbyte short string uint ulong ushort",
        quotes: &[long("\"\"\""), short("\""), short("'")],
        prefixes: "s f",
        signs: "@",
        ..SLASHES
    },
    Language {
        names: "go golang zig v odin",
        keywords: "break case chan comptime const continue default defer else enum errdefer error export fallthrough fn for func \
                   go goto if import in inline interface map mut orelse package pub range return select struct switch test try \
                   type union unreachable usingnamespace var while",
        constants: "true false nil null iota undefined",
        types: "any bool byte complex64 complex128 error f32 f64 float32 float64 i8 i16 i32 i64 int int8 int16 int32 int64 rune \
                string u8 u16 u32 u64 uint uint8 uint16 uint32 uint64 uintptr usize void",
        quotes: &[short("\""), short("'"), raw("`", "`")],
        signs: "@",
        ..SLASHES
    },
    Language {
        names: "php",
        keywords: "abstract and array as break callable case catch class clone const continue declare default do echo else elseif \
                   enum extends final finally fn for foreach function global goto if implements include include_once instanceof \
                   insteadof interface isset list match namespace new or print private protected public readonly require \
                   require_once return static switch throw trait try unset use var while xor yield",
        constants: "true false null TRUE FALSE NULL self parent",
        types: "bool float int iterable mixed never object string void",
        line_comments: &["//", "#"],
        quotes: &[long("\""), long("'")],
        signs: "$[",
        ..SLASHES
    },
    Language {
        names: "ruby rb crystal elixir ex exs julia jl",
        keywords: "alias and baremodule begin break case catch class const cond def defimpl defmodule defmacro defp defprotocol \
                   defstruct do else elseif elsif end ensure export extend finally fn for function global if import in include \
                   let local loop macro module mutable next not or private protected public quote raise redo require rescue \
                   receive retry return self struct super then try undef unless until use using when where while with yield",
        constants: "true false nil nothing missing self __FILE__",
        quotes: &[long("\"\"\""), long("\""), long("'"), short("`")],
        signs: "@$",
        word_signs: "?!",
        has_regexes: true,
        ..HASHES
    },
    Language {
        names: "bash sh shell zsh fish ksh console shell-session terminal",
        keywords: "alias break case cd continue declare do done echo elif else end esac eval exec exit export fi for function if \
                   in local readonly return select set shift source sudo test then time trap typeset unset until while",
        constants: "true false",
        quotes: &[long("\""), raw("'", "'"), short("`")],
        signs: "$",
        word_signs: "-",
        ..HASHES
    },
    Language {
        names: "powershell ps1 pwsh ps",
        keywords: "begin break catch class continue data do dynamicparam else elseif end enum exit filter finally for foreach \
                   from function if in param process return switch throw trap try until using while",
        block_comments: &[("<#", "#>")],
        quotes: &[raw("\"", "\""), raw("'", "'")],
        signs: "$",
        word_signs: "-",
        ignores_case: true,
        ..HASHES
    },
    Language {
        names: "perl pl r awk tcl",
        keywords: "and bless break catch cmp continue die do else elsif eq for foreach function ge goto gt if in last le library \
                   local lt my ne next not or our package print printf proc redo repeat require return say set sub switch tryCatch \
                   undef unless until use while xor",
        constants: "TRUE FALSE NULL NA Inf NaN true false undef",
        quotes: &[long("\""), long("'")],
        signs: "$@",
        ..HASHES
    },
    Language {
        names: "sql postgres postgresql psql mysql sqlite plsql tsql",
        keywords: "add after all alter analyze and any as asc before begin between by cascade case check column commit conflict \
                   constraint create cross database declare default delete desc distinct do drop each else elsif end except \
                   execute exists explain fetch filter for foreign from full function grant group having if ilike in index inner \
                   insert intersect into is join key language lateral left like limit materialized merge natural not nothing \
                   nulls of offset on only or order outer over partition primary procedure recursive references rename replace \
                   returning returns revoke right rollback row rows select set some table temporary then to transaction trigger \
                   truncate union unique update using values view when where window with within",
        constants: "true false null current_date current_time current_timestamp",
        types: "bigint bigserial blob boolean bool bytea char date datetime decimal double float int integer interval json jsonb \
                numeric real serial smallint text time timestamp timestamptz tinyint uuid varchar",
        line_comments: &["--", "#"],
        block_comments: &[("/*", "*/")],
        quotes: &[raw("'", "'"), raw("\"", "\""), raw("`", "`")],
        ignores_case: true,
        ..NOTHING
    },
    Language {
        names: "lua luau",
        keywords: "and break continue do else elseif end export for function goto if in local not or repeat return then type \
                   until while",
        constants: "true false nil self",
        line_comments: &["--"],
        block_comments: &[("--[[", "]]")],
        quotes: &[raw("[[", "]]"), short("\""), short("'")],
        ..NOTHING
    },
    Language {
        names: "haskell hs elm purescript ocaml ml fsharp f# fs",
        keywords: "and as begin case class data default deriving do done downto else end exception exposing forall foreign fun \
                   function functor if import in include infix infixl infixr inherit instance lazy let match member method \
                   module mutable namespace new newtype object of open override port private rec sig struct then to try type \
                   val when where while with yield",
        constants: "true false otherwise True False",
        line_comments: &["--", "//"],
        block_comments: &[("{-", "-}"), ("(*", "*)")],
        quotes: &[long("\"\"\""), short("\"")],
        word_signs: "'",
        ..NOTHING
    },
    Language {
        names: "clojure clj cljs lisp scheme racket elisp edn",
        keywords: "and begin case cond cons def define defmacro defn defun defvar do fn for if import lambda let letfn loop ns or \
                   quote recur require set! unless when",
        constants: "nil true false t",
        line_comments: &[";"],
        quotes: &[long("\"")],
        word_signs: "-?!*+/<>=:#",
        ..NOTHING
    },
    Language {
        names: "css scss sass less",
        keywords: "important and not only from to",
        line_comments: &["//"],
        block_comments: &[("/*", "*/")],
        signs: "@$",
        word_signs: "-",
        keys: &[":", "{"],
        ..NOTHING
    },
    Language {
        names: "json jsonc json5 jsonl ndjson geojson webmanifest",
        constants: "true false null",
        keys: &[":", "\""],
        ..SLASHES
    },
    Language {
        names: "yaml yml",
        constants: "true false null yes no on off ~",
        quotes: &[long("\""), raw("'", "'")],
        word_signs: "-./",
        keys: &[":"],
        ..HASHES
    },
    Language {
        names: "toml ini cfg conf properties env dotenv editorconfig desktop systemd",
        constants: "true false on off yes no",
        line_comments: &["#", ";"],
        quotes: &[long("\"\"\""), raw("'''", "'''"), short("\""), short("'")],
        signs: "$",
        word_signs: "-.",
        keys: &["="],
        ..NOTHING
    },
    Language {
        names: "dockerfile docker containerfile makefile make mk just justfile cmake nginx",
        keywords: "add arg as cmd copy define else elseif endif entrypoint env expose export foreach from function healthcheck if \
                   ifdef ifeq ifndef ifneq include label location maintainer onbuild override private run server set shell \
                   stopsignal unexport upstream user volume workdir",
        constants: "on off true false",
        signs: "$",
        word_signs: "-",
        ignores_case: true,
        ..HASHES
    },
    Language {
        names: "graphql gql proto protobuf prisma hcl terraform tf",
        keywords: "data directive enum extend extends for fragment generator if import input interface locals message model module \
                   mutation on oneof optional option output package provider query repeated required reserved resource returns rpc \
                   scalar schema service stream subscription syntax terraform type union variable",
        constants: "true false null",
        types: "bool bytes double fixed32 fixed64 float int32 int64 list map number object sint32 sint64 string uint32 uint64",
        line_comments: &["#", "//"],
        block_comments: &[("/*", "*/")],
        quotes: &[long("\"\"\""), short("\"")],
        signs: "@$",
        ..NOTHING
    },
];

/// The language that a fence names, in lower case.
pub(super) fn find(name: &str) -> Option<&'static Language> {
    LANGUAGES.iter().find(|language| language.names.split(' ').any(|one| one == name))
}
