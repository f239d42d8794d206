using Accounts.Processor.Functions;
using Accounts.Processor.Generations;
using EventLog;
using ServiceDefaults;

namespace Accounts.Processor.Operations;

/// <summary>
/// What operators ask and order goes by rows in the views' store, so that any replica answers, of whatever deployment, also
/// for functions that it does not host.
/// </summary>
internal sealed record Operator(LogDescription Log, IStateStore Views, LogReader Reader, FunctionControls Controls, TimeProvider Time)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    public static Function? Find(string name) => FunctionList.All.FirstOrDefault(function => function.Name == name);

    /// <summary>Answers an operator, or says after a while that what is needed is away: orders are tried again until then.</summary>
    public static async Task<IResult> AnswerAsync(Operator? at, Func<Operator, CancellationToken, Task<IResult>> answer, CancellationToken cancellation)
    {
        if (at is null)
        {
            return Problems.ByStatus(StatusCodes.Status503ServiceUnavailable).Result();
        }

        using var patience = new CancellationTokenSource(Patience, at.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellation);
        try
        {
            return await answer(at, either.Token);
        }
        catch (Exception) when (patience.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            return Problems.ByStatus(StatusCodes.Status503ServiceUnavailable).Result();
        }
    }
}
