namespace Sidecar.Server;

/// <summary>Finds what is wrong with a JSON text and says it as Go's decoder does, whose words Dapr hands on.</summary>
internal static class GoJsonSyntax
{
    /// <summary>Walks over a value; returns the first error, or null.</summary>
    public static string? Error(ReadOnlySpan<byte> text, ref int at)
    {
        if (End(text, ref at))
        {
            return at == text.Length && text.IndexOfAnyExcept(" \t\r\n"u8) < 0 ? "EOF" : "unexpected EOF";
        }

        return (char)text[at] switch
        {
            '{' => Members(text, ref at),
            '[' => Items(text, ref at),
            '"' => String(text, ref at),
            't' => Literal(text, ref at, "true"),
            'f' => Literal(text, ref at, "false"),
            'n' => Literal(text, ref at, "null"),
            '-' or (>= '0' and <= '9') => Number(text, ref at),
            _ => Invalid(text[at], "looking for beginning of value"),
        };
    }

    private static string? Members(ReadOnlySpan<byte> text, ref int at)
    {
        at++;
        for (var first = true; ; first = false)
        {
            if (End(text, ref at))
            {
                return "unexpected EOF";
            }

            if (first && text[at] == '}')
            {
                at++;
                return null;
            }

            if (text[at] != '"')
            {
                return Invalid(text[at], "looking for beginning of object key string");
            }

            if (String(text, ref at) is { } wrongKey)
            {
                return wrongKey;
            }

            if (End(text, ref at))
            {
                return "unexpected EOF";
            }

            if (text[at] != ':')
            {
                return Invalid(text[at], "after object key");
            }

            at++;
            if (ValueWithin(text, ref at) is { } wrong)
            {
                return wrong;
            }

            if (End(text, ref at))
            {
                return "unexpected EOF";
            }

            if (text[at] is not ((byte)',' or (byte)'}'))
            {
                return Invalid(text[at], "after object key:value pair");
            }

            if (text[at++] == '}')
            {
                return null;
            }
        }
    }

    private static string? Items(ReadOnlySpan<byte> text, ref int at)
    {
        at++;
        for (var first = true; ; first = false)
        {
            if (first && !End(text, ref at) && text[at] == ']')
            {
                at++;
                return null;
            }

            if (ValueWithin(text, ref at) is { } wrong)
            {
                return wrong;
            }

            if (End(text, ref at))
            {
                return "unexpected EOF";
            }

            if (text[at] is not ((byte)',' or (byte)']'))
            {
                return Invalid(text[at], "after array element");
            }

            if (text[at++] == ']')
            {
                return null;
            }
        }
    }

    private static string? ValueWithin(ReadOnlySpan<byte> text, ref int at) =>
        End(text, ref at) ? "unexpected EOF" : Error(text, ref at);

    private static string? String(ReadOnlySpan<byte> text, ref int at)
    {
        for (at++; at < text.Length; at++)
        {
            if (text[at] == '"')
            {
                at++;
                return null;
            }

            if (text[at] < 0x20)
            {
                return Invalid(text[at], "in string literal");
            }

            if (text[at] != '\\')
            {
                continue;
            }

            if (++at == text.Length)
            {
                break;
            }

            if (!"\"\\/bfnrtu"u8.Contains(text[at]))
            {
                return Invalid(text[at], "in string escape code");
            }

            for (var digits = text[at] == 'u' ? 4 : 0; digits > 0; digits--)
            {
                if (++at == text.Length)
                {
                    return "unexpected EOF";
                }

                if (!char.IsAsciiHexDigit((char)text[at]))
                {
                    return Invalid(text[at], "in \\u hexadecimal character escape");
                }
            }
        }

        return "unexpected EOF";
    }

    private static string? Literal(ReadOnlySpan<byte> text, ref int at, string literal)
    {
        foreach (var expected in literal)
        {
            if (at == text.Length)
            {
                return "unexpected EOF";
            }

            if (text[at++] != expected)
            {
                return Invalid(text[at - 1], $"in literal {literal} (expecting '{expected}')");
            }
        }

        return null;
    }

    private static string? Number(ReadOnlySpan<byte> text, ref int at)
    {
        at += text[at] == '-' ? 1 : 0;
        if (Digits(text, ref at, "in numeric literal", single: at < text.Length && text[at] == '0') is { } wrong)
        {
            return wrong;
        }

        if (at < text.Length && text[at] == '.')
        {
            at++;
            if (Digits(text, ref at, "after decimal point in numeric literal") is { } wrongFraction)
            {
                return wrongFraction;
            }
        }

        if (at < text.Length && text[at] is (byte)'e' or (byte)'E')
        {
            at++;
            at += at < text.Length && text[at] is (byte)'+' or (byte)'-' ? 1 : 0;
            return Digits(text, ref at, "in exponent of numeric literal");
        }

        return null;
    }

    private static string? Digits(ReadOnlySpan<byte> text, ref int at, string where, bool single = false)
    {
        if (at == text.Length)
        {
            return "unexpected EOF";
        }

        if (!char.IsAsciiDigit((char)text[at]))
        {
            return Invalid(text[at], where);
        }

        do
        {
            at++;
        }
        while (!single && at < text.Length && char.IsAsciiDigit((char)text[at]));
        return null;
    }

    /// <summary>Skips white space; true at the end of the text.</summary>
    private static bool End(ReadOnlySpan<byte> text, ref int at)
    {
        while (at < text.Length && text[at] is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n')
        {
            at++;
        }

        return at == text.Length;
    }

    private static string Invalid(byte found, string where) => (char)found switch
    {
        '\'' => $"invalid character '\\'' {where}",
        '\n' => $"invalid character '\\n' {where}",
        '\t' => $"invalid character '\\t' {where}",
        '\r' => $"invalid character '\\r' {where}",
        < ' ' => $"invalid character '\\x{found:x2}' {where}",
        var shown => $"invalid character '{shown}' {where}",
    };
}
