using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Sidecar.PubSub;

/// <summary>
/// Parses the part of CEL that routing rules use: members, indexes, comparisons, arithmetic, <c>&amp;&amp; || ! ?:</c>,
/// <c>in</c>, lists, <c>has()</c>, string functions, <c>size</c>, conversions. An unknown function is an error, as in Dapr; an
/// unknown variable only when it is evaluated.
/// </summary>
internal sealed class CelParser(string text)
{
    private int _at;

    /// <exception cref="CelException">The text is no expression.</exception>
    public CelNode Parse()
    {
        var node = Conditional();
        Space();
        return _at == text.Length ? node : throw Unexpected();
    }

    private CelNode Conditional()
    {
        var condition = Or();
        if (!Take("?"))
        {
            return condition;
        }

        var yes = Or();
        Expect(":");
        var no = Conditional();
        return e => Cel.Truth(condition(e)) ? yes(e) : no(e);
    }

    private CelNode Or()
    {
        var left = And();
        while (Take("||"))
        {
            var (a, b) = (left, And());
            left = e => Either(a, b, e, decides: true);
        }

        return left;
    }

    private CelNode And()
    {
        var left = Relation();
        while (Take("&&"))
        {
            var (a, b) = (left, Relation());
            left = e => Either(a, b, e, decides: false);
        }

        return left;
    }

    // Both operators are commutative: one side that decides counts even when the other fails.
    private static bool Either(CelNode a, CelNode b, JsonElement e, bool decides)
    {
        CelException? failure = null;
        try
        {
            if (Cel.Truth(a(e)) == decides)
            {
                return decides;
            }
        }
        catch (CelException f)
        {
            failure = f;
        }

        return Cel.Truth(b(e)) == decides ? decides : failure is null ? !decides : throw failure;
    }

    private CelNode Relation()
    {
        var left = Sum();
        while (true)
        {
            var a = left;
            if (Take("=="))
            {
                var b = Sum();
                left = e => Cel.Same(a(e), b(e));
            }
            else if (Take("!="))
            {
                var b = Sum();
                left = e => !Cel.Same(a(e), b(e));
            }
            else if (Take("<="))
            {
                var b = Sum();
                left = e => Cel.Compare(a(e), b(e)) <= 0;
            }
            else if (Take(">="))
            {
                var b = Sum();
                left = e => Cel.Compare(a(e), b(e)) >= 0;
            }
            else if (Take("<"))
            {
                var b = Sum();
                left = e => Cel.Compare(a(e), b(e)) < 0;
            }
            else if (Take(">"))
            {
                var b = Sum();
                left = e => Cel.Compare(a(e), b(e)) > 0;
            }
            else if (TakeWord("in"))
            {
                var b = Sum();
                left = e => Cel.In(a(e), b(e));
            }
            else
            {
                return left;
            }
        }
    }

    private CelNode Sum() => Chain(Product, "+-");

    private CelNode Product() => Chain(Unary, "*/%");

    private CelNode Chain(Func<CelNode> operand, string operators)
    {
        var left = operand();
        while (true)
        {
            Space();
            if (_at == text.Length || !operators.Contains(text[_at]))
            {
                return left;
            }

            var op = text[_at++];
            var (a, b) = (left, operand());
            left = e => Cel.Arithmetic(op, a(e), b(e));
        }
    }

    private CelNode Unary()
    {
        Space();
        if (_at < text.Length && text[_at] == '!' && (_at + 1 == text.Length || text[_at + 1] != '='))
        {
            _at++;
            var inner = Unary();
            return e => !Cel.Truth(inner(e));
        }

        if (Take("-"))
        {
            var inner = Unary();
            return e => Cel.Negate(inner(e));
        }

        return Postfix(Primary());
    }

    private CelNode Postfix(CelNode node)
    {
        while (true)
        {
            var receiver = node;
            if (Take("."))
            {
                var name = Name() ?? throw Unexpected();
                node = Take("(") ? Call(name, [receiver, .. List(")")]) : e => Cel.Member(receiver(e), name);
            }
            else if (Take("["))
            {
                var index = Conditional();
                Expect("]");
                node = e => Cel.Index(receiver(e), index(e));
            }
            else
            {
                return node;
            }
        }
    }

    private CelNode Primary()
    {
        Space();
        if (Take("("))
        {
            var inner = Conditional();
            Expect(")");
            return inner;
        }

        if (Take("["))
        {
            var items = List("]");
            return e => items.Select(i => i(e)).ToList();
        }

        if (_at < text.Length && text[_at] is '"' or '\'')
        {
            var literal = String();
            return _ => literal;
        }

        if (_at < text.Length && char.IsAsciiDigit(text[_at]))
        {
            var number = Number();
            return _ => number;
        }

        return Name() switch
        {
            "true" => _ => true,
            "false" => _ => false,
            "null" => _ => null,
            "has" when Take("(") => Has(),
            { } name when Take("(") => Call(name, [.. List(")")]),
            "event" => e => Cel.Value(e),
            { } name => _ => throw new CelException($"no such attribute: {name}"),
            null => throw Unexpected(),
        };
    }

    // has(a.b.c) asks for the last member only; that the ones before exist is up to the writer of the rule.
    private CelNode Has()
    {
        var start = _at;
        Postfix(Primary());
        Expect(")");
        var argument = text[start..(_at - 1)].TrimEnd();
        var dot = argument.LastIndexOf('.');
        var member = dot < 0 ? "" : argument[(dot + 1)..].Trim();
        if (member.Length == 0 || !member.All(c => char.IsAsciiLetterOrDigit(c) || c == '_'))
        {
            throw new CelException("invalid argument to has() macro");
        }

        var owner = new CelParser(argument[..dot]).Parse();
        return e => Cel.Has(owner(e), member);
    }

    private static CelNode Call(string name, CelNode[] arguments) =>
        Cel.Function(name, arguments.Length) is { } function
            ? e => function(Array.ConvertAll(arguments, a => a(e)))
            : throw new CelException($"undeclared reference to '{name}' with {arguments.Length} arguments");

    private List<CelNode> List(string end)
    {
        var items = new List<CelNode>();
        if (Take(end))
        {
            return items;
        }

        do
        {
            items.Add(Conditional());
        }
        while (Take(","));
        Expect(end);
        return items;
    }

    private string String()
    {
        var quote = text[_at++];
        var result = new StringBuilder();
        while (_at < text.Length && text[_at] != quote)
        {
            var c = text[_at++];
            if (c != '\\')
            {
                result.Append(c);
                continue;
            }

            result.Append(Escaped());
        }

        _at++;
        return _at <= text.Length ? result.ToString() : throw new CelException($"unterminated string in {text}");
    }

    private char Escaped()
    {
        var c = _at < text.Length ? text[_at++] : '\0';
        if (c == 'u' && _at + 4 <= text.Length
            && ushort.TryParse(text.AsSpan(_at, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code))
        {
            _at += 4;
            return (char)code;
        }

        return c switch
        {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            '\\' or '"' or '\'' or '`' or '?' => c,
            _ => throw Unexpected(),
        };
    }

    private object Number()
    {
        var start = _at;
        while (_at < text.Length && (char.IsAsciiLetterOrDigit(text[_at]) || text[_at] == '.'
            || (text[_at] is '+' or '-' && text[_at - 1] is 'e' or 'E')))
        {
            _at++;
        }

        var literal = text[start.._at].TrimEnd('u', 'U');
        return long.TryParse(literal, NumberStyles.None, CultureInfo.InvariantCulture, out var whole) ? (object)whole
            : double.TryParse(literal, NumberStyles.Float, CultureInfo.InvariantCulture, out var real) ? real
            : throw new CelException($"no number: {literal}");
    }

    private string? Name()
    {
        Space();
        var start = _at;
        while (_at < text.Length && (char.IsAsciiLetterOrDigit(text[_at]) || text[_at] == '_'))
        {
            _at++;
        }

        return _at > start && !char.IsAsciiDigit(text[start]) ? text[start.._at] : null;
    }

    private bool Take(string token)
    {
        Space();
        if (string.CompareOrdinal(text, _at, token, 0, token.Length) != 0)
        {
            return false;
        }

        _at += token.Length;
        return true;
    }

    private bool TakeWord(string word)
    {
        Space();
        var end = _at + word.Length;
        return (end >= text.Length || !(char.IsAsciiLetterOrDigit(text[end]) || text[end] == '_')) && Take(word);
    }

    private void Expect(string token)
    {
        if (!Take(token))
        {
            throw Unexpected();
        }
    }

    private void Space()
    {
        while (_at < text.Length && char.IsWhiteSpace(text[_at]))
        {
            _at++;
        }
    }

    private CelException Unexpected() =>
        new(_at < text.Length ? $"unexpected '{text[_at]}' at {_at} in {text}" : $"{text} ends too early");
}
