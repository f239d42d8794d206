using System.Collections.Concurrent;
using Accounts.Processor.Consumers;
using Accounts.Processor.Functions;

namespace Accounts.Processor.Tests.InProcess;

/// <summary>Makes functions fail on events that a test chooses, for as long as it wants.</summary>
internal sealed class Poison(Func<LoggedEvent, bool> bad, params string[] functions)
{
    private volatile bool _cured;

    /// <summary>The events that functions were given and did not fail on, by function.</summary>
    public ConcurrentQueue<(string Function, string Account, long Version)> Taken { get; } = new();

    /// <summary>From now on nothing fails: the bug is mended.</summary>
    public void Cure() => _cured = true;

    public Function In(Function function) => !functions.Contains(function.Name) ? function : function switch
    {
        Function.View view => view with { Fold = (at, logged, rows) => Good(view, logged) ? view.Fold(at, logged, rows) : [] },
        Function.Policy policy => policy with { React = logged => Good(policy, logged) ? policy.React(logged) : [] },
        Function.Publisher publisher => publisher with { Message = logged => Good(publisher, logged) ? publisher.Message(logged) : null },
        _ => function,
    };

    private bool Good(Function function, LoggedEvent logged)
    {
        if (!_cured && bad(logged))
        {
            throw new InvalidOperationException("secret: 42");
        }

        Taken.Enqueue((function.Name, logged.Account, logged.Version));
        return true;
    }
}
