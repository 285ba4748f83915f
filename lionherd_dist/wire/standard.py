"""The public exceptions of the standard library, by name: a fixed table of modules and classes.

Nothing is imported because a message names it: a class is found only where this process has
imported its module already. ``except sqlite3.OperationalError`` needs that import anyway.
"""

import io
import sys
from importlib import import_module

_CLASSES = {
    "aifc": "Error",
    "argparse": "ArgumentError ArgumentTypeError",
    "asyncio.exceptions": (
        "BrokenBarrierError IncompleteReadError InvalidStateError LimitOverrunError "
        "SendfileNotAvailableError"
    ),
    "asyncio.queues": "QueueEmpty QueueFull QueueShutDown",
    "asyncore": "ExitNow",
    "audioop": "error",
    "bdb": "BdbQuit",
    "binascii": "Error Incomplete",
    "calendar": "IllegalMonthError IllegalWeekdayError",
    "compression.zstd": "ZstdError",
    "concurrent.futures": "BrokenExecutor CancelledError InvalidStateError",
    "concurrent.futures.process": "BrokenProcessPool",
    "concurrent.futures.thread": "BrokenThreadPool",
    "configparser": (
        "DuplicateOptionError DuplicateSectionError Error InterpolationDepthError "
        "InterpolationError InterpolationMissingOptionError InterpolationSyntaxError "
        "MissingSectionHeaderError MultilineContinuationError NoOptionError NoSectionError "
        "ParsingError"
    ),
    "copy": "Error",
    "csv": "Error",
    "ctypes": "ArgumentError",
    "curses": "error",
    "curses.panel": "error",
    "dataclasses": "FrozenInstanceError",
    "dbm.sqlite3": "error",
    "dbm.gnu": "error",
    "dbm.ndbm": "error",
    "decimal": (
        "Clamped ConversionSyntax DecimalException DivisionByZero DivisionImpossible "
        "DivisionUndefined FloatOperation Inexact InvalidContext InvalidOperation Overflow "
        "Rounded Subnormal Underflow"
    ),
    "doctest": "DocTestFailure UnexpectedException",
    "email.errors": (
        "BoundaryError CharsetError CloseBoundaryNotFoundDefect "
        "FirstHeaderLineIsContinuationDefect HeaderDefect HeaderMissingRequiredValue "
        "HeaderParseError HeaderWriteError InvalidBase64CharactersDefect "
        "InvalidBase64LengthDefect InvalidBase64PaddingDefect InvalidDateDefect "
        "InvalidHeaderDefect InvalidMultipartContentTransferEncodingDefect MessageDefect "
        "MessageError MessageParseError MisplacedEnvelopeHeaderDefect "
        "MissingHeaderBodySeparatorDefect MultipartConversionError "
        "MultipartInvariantViolationDefect NoBoundaryInMultipartDefect NonASCIILocalPartDefect "
        "NonPrintableDefect ObsoleteHeaderDefect StartBoundaryNotFoundDefect "
        "UndecodableBytesDefect"
    ),
    "encodings": "CodecRegistryError",
    "ftplib": "Error error_perm error_proto error_reply error_temp",
    "getopt": "GetoptError",
    "getpass": "GetPassWarning",
    "graphlib": "CycleError",
    "gzip": "BadGzipFile",
    "http.client": (
        "BadStatusLine CannotSendHeader CannotSendRequest HTTPException ImproperConnectionState "
        "IncompleteRead InvalidURL LineTooLong NotConnected RemoteDisconnected ResponseNotReady "
        "UnimplementedFileMode UnknownProtocol UnknownTransferEncoding"
    ),
    "http.cookiejar": "LoadError",
    "http.cookies": "CookieError",
    "imaplib": "IMAP4.abort IMAP4.error IMAP4.readonly",
    "importlib.metadata": "PackageNotFoundError",
    "importlib.resources.abc": "TraversalError",
    "inspect": "ClassFoundException EndOfBlock",
    "io": "UnsupportedOperation",
    "ipaddress": "AddressValueError NetmaskValueError",
    "json.decoder": "JSONDecodeError",
    "locale": "Error",
    "lzma": "LZMAError",
    "mailbox": "Error ExternalClashError FormatError NoSuchMailboxError NotEmptyError",
    "mailcap": "UnsafeMailcapInput",
    "multiprocessing.context": "AuthenticationError BufferTooShort ProcessError TimeoutError",
    "multiprocessing.managers": "RemoteError",
    "multiprocessing.pool": "MaybeEncodingError RemoteTraceback",
    "multiprocessing.resource_tracker": "ReentrantCallError",
    "netrc": "NetrcParseError",
    "nis": "error",
    "nntplib": (
        "NNTPDataError NNTPError NNTPPermanentError NNTPProtocolError NNTPReplyError "
        "NNTPTemporaryError"
    ),
    "optparse": (
        "AmbiguousOptionError BadOptionError OptParseError OptionConflictError OptionError "
        "OptionValueError"
    ),
    "ossaudiodev": "OSSAudioError",
    "pathlib": "UnsupportedOperation",
    "pdb": "Restart",
    "pickle": "PickleError PicklingError UnpicklingError",
    "plistlib": "InvalidFileException",
    "poplib": "error_proto",
    "py_compile": "PyCompileError",
    "pydoc": "ErrorDuringImport",
    "queue": "Empty Full ShutDown",
    "re": "error",
    "shutil": "Error ExecError ReadError RegistryError SameFileError SpecialFileError",
    "signal": "ItimerError",
    "smtplib": (
        "SMTPAuthenticationError SMTPConnectError SMTPDataError SMTPException SMTPHeloError "
        "SMTPNotSupportedError SMTPRecipientsRefused SMTPResponseException SMTPSenderRefused "
        "SMTPServerDisconnected"
    ),
    "socket": "gaierror herror",
    "sqlite3": (
        "DataError DatabaseError Error IntegrityError InterfaceError InternalError "
        "NotSupportedError OperationalError ProgrammingError Warning"
    ),
    "ssl": (
        "SSLCertVerificationError SSLEOFError SSLError SSLSyscallError SSLWantReadError "
        "SSLWantWriteError SSLZeroReturnError"
    ),
    "statistics": "StatisticsError",
    "struct": "error",
    "subprocess": "CalledProcessError SubprocessError TimeoutExpired",
    "sunau": "Error",
    "tabnanny": "NannyNag",
    "tarfile": (
        "AbsoluteLinkError AbsolutePathError CompressionError EOFHeaderError EmptyHeaderError "
        "ExtractError FilterError HeaderError InvalidHeaderError LinkOutsideDestinationError "
        "OutsideDestinationError ReadError SpecialFileError StreamError SubsequentHeaderError "
        "TarError TruncatedHeaderError"
    ),
    "termios": "error",
    "threading": "BrokenBarrierError",
    "tkinter": "TclError",
    "tokenize": "StopTokenizing TokenError",
    "tomllib": "TOMLDecodeError",
    "unittest.case": "SkipTest",
    "unittest.mock": "InvalidSpecError",
    "urllib.error": "ContentTooShortError HTTPError URLError",
    "uu": "Error",
    "wave": "Error",
    "webbrowser": "Error",
    "wsgiref.validate": "WSGIWarning",
    "xdrlib": "ConversionError Error",
    "xml.dom": (
        "DOMException DomstringSizeErr HierarchyRequestErr IndexSizeErr InuseAttributeErr "
        "InvalidAccessErr InvalidCharacterErr InvalidModificationErr InvalidStateErr "
        "NamespaceErr NoDataAllowedErr NoModificationAllowedErr NotFoundErr NotSupportedErr "
        "SyntaxErr ValidationErr WrongDocumentErr"
    ),
    "xml.dom.expatbuilder": "ParseEscape",
    "xml.etree.ElementInclude": "FatalIncludeError LimitedRecursiveIncludeError",
    "xml.etree.ElementTree": "ParseError",
    "xml.parsers.expat": "ExpatError",
    "xml.sax": (
        "SAXException SAXNotRecognizedException SAXNotSupportedException SAXParseException "
        "SAXReaderNotAvailable"
    ),
    "xmlrpc.client": "Error Fault ProtocolError ResponseError",
    "zipapp": "ZipAppError",
    "zipfile": "BadZipFile LargeZipFile",
    "zipimport": "ZipImportError",
    "zlib": "error",
    "zoneinfo": "InvalidTZPathWarning ZoneInfoNotFoundError",
}
HTTP_ERROR = "urllib.error.HTTPError"

_PLACES: dict[str, tuple[str, str]] = {
    f"{module}.{name}": (module, name)
    for module, names in _CLASSES.items()
    for name in names.split()
}


def standard_name(cls: type[Exception]) -> str | None:
    """What *cls* is called in the table, as ``socket.gaierror``; None if it is not there."""
    if cls.__module__.partition(".")[0] not in sys.stdlib_module_names:
        return None
    return next((name for name in _PLACES if standard_class(name) is cls), None)


def standard_class(name: str) -> type[Exception] | None:
    """The class called *name* in the table; None if it is not there, or its module not imported."""
    if name not in _PLACES:
        return None
    module, path = _PLACES[name]
    found: object = sys.modules.get(module)
    for part in path.split("."):
        found = vars(found).get(part) if found is not None else None
    if isinstance(found, type) and issubclass(found, Exception):
        return found
    return None


def state_of_http_error(error: Exception) -> dict[str, object] | None:
    """What is kept of a ``urllib.error.HTTPError``, which is a response, too; else None.

    Not its body: it was not read yet, and reading it may wait for a server.
    """
    if standard_class(HTTP_ERROR) is not type(error):
        return None
    headers = getattr(error, "hdrs", None)
    return {
        "url": getattr(error, "filename", None),
        "code": getattr(error, "code", None),
        "msg": getattr(error, "msg", None),
        "headers": [] if headers is None else [[name, text] for name, text in headers.items()],
    }


def http_error_from(cls: type[Exception], state: object) -> Exception:
    """The ``HTTPError`` that had *state*, with an empty body.

    Raises any exception where *state* is something else, or *cls* is another class.
    """
    if standard_class(HTTP_ERROR) is not cls or type(state) is not dict:
        raise TypeError(f"{cls.__qualname__} is not made of one value")
    headers = import_module("http.client").HTTPMessage()  # needed here alone, and by few
    for name, text in state["headers"]:
        headers[name] = text
    return cls(state["url"], state["code"], state["msg"], headers, io.BytesIO())
