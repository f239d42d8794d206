using System.ComponentModel;
using System.Text.Json;
using Accounts.Contracts;
using Accounts.Processor.Consumers;
using Accounts.Processor.Functions;
using Accounts.Processor.Generations;
using Accounts.Processor.Parking;
using Accounts.Processor.Verification;
using ServiceDefaults;

namespace Accounts.Processor.Operations;

/// <summary>What operators see of the functions, and what they can order. Orders are noted and done soon after, by whoever hosts the function.</summary>
internal static class FunctionEndpoints
{
    private const string NotAView = "Only a view has rows that can be made again.";
    private static readonly Problem Unknown = Problems.Of(404, ProblemTypes.UnknownFunction, "There is no function with this name");

    public static void MapFunctionOperations(this WebApplication app)
    {
        var functions = app.MapForOperators("/v1/functions").WithTags("Functions");

        functions.MapGet("", (FunctionHost host, CancellationToken cancellation) => Operator.AnswerAsync(host.Operator, ListAsync, cancellation))
            .WithName("listFunctions").WithSummary("The functions at a glance")
            .Answers<FunctionListBody>(200, "All functions, hosted by whichever deployment.", MediaTypes.Json);

        functions.MapGet("/{name}", (string name, FunctionHost host, CancellationToken cancellation) =>
                WithAsync(
                    host,
                    name,
                    async (at, function, stop) => TypedResults.Json(await DetailAsync(at, function, stop), ProcessorJson.Default.FunctionDetailBody),
                    cancellation))
            .WithName("getFunction").WithSummary("A function in detail")
            .Answers<FunctionDetailBody>(200, "How far it is, partition by partition; the generations of a view; its newest verification.", MediaTypes.Json)
            .Refuses(404, "There is no function with this name.");

        functions.MapOrder("pause", "Take no more events", (at, function, cancellation) =>
            ChangeAsync(at, function, row => row.Paused ? null : row with { Paused = true }, cancellation));
        functions.MapOrder("resume", "Take events again, from where it was", (at, function, cancellation) =>
            ChangeAsync(at, function, row => row.Paused ? row with { Paused = false } : null, cancellation));
        functions.MapOrder("rebuild", "Fill the view anew beside the live rows, and switch over", (at, function, cancellation) => function is Function.View view
            ? GenerationOrders.RebuildAsync(at.Controls, view, at.Log.Partitions, at.Views, at.Time.GetUtcNow(), cancellation)
            : Task.FromResult<string?>(NotAView));
        functions.MapOrder("rollback", "Go back to the generation before, or give up the one that is being filled", (at, function, cancellation) => function is Function.View view
            ? GenerationOrders.RollBackAsync(at.Controls, view, cancellation)
            : Task.FromResult<string?>(NotAView));
        functions.MapOrder("drop", "Stop feeding the generation before: there is no way back to it then", (at, function, cancellation) => function is Function.View view
            ? GenerationOrders.DropAsync(at.Controls, view, cancellation)
            : Task.FromResult<string?>(NotAView));

        functions.MapPost("/{name}/verify", (
                string name, [Description("Also put right what is wrong.")] bool? heal, FunctionHost host, CancellationToken cancellation) =>
                OrderAsync(
                    host,
                    name,
                    (at, function, stop) => function is Function.View view
                        ? VerificationOrders.BeginAsync(at, view, heal ?? false, stop)
                        : Task.FromResult<string?>(NotAView),
                    cancellation))
            .Describe("verify", "Compare the rows with a fold of the log");
    }

    private static void MapOrder(
        this RouteGroupBuilder functions, string order, string summary, Func<Operator, Function, CancellationToken, Task<string?>> carryOut) =>
        functions.MapPost($"/{{name}}/{order}", (string name, FunctionHost host, CancellationToken cancellation) =>
                OrderAsync(host, name, carryOut, cancellation))
            .Describe(order, summary);

    private static void Describe(this RouteHandlerBuilder endpoint, string order, string summary) => endpoint
        .WithName($"{order}Function").WithSummary(summary)
        .Answers(202, "It is noted; the function's detail tells how it goes on.")
        .Sends(202, "Location", "The function.")
        .Refuses(404, "There is no function with this name.")
        .Refuses(409, "It does not fit the kind of the function, or what the function does now.");

    private static async Task<IResult> ListAsync(Operator at, CancellationToken cancellation)
    {
        var report = await FunctionReport.ReadAsync(at, FunctionList.All, cancellation);
        return TypedResults.Json(new FunctionListBody([.. FunctionList.All.Select(report.Of)]), ProcessorJson.Default.FunctionListBody);
    }

    private static Task<IResult> OrderAsync(
        FunctionHost host, string name, Func<Operator, Function, CancellationToken, Task<string?>> carryOut, CancellationToken cancellation) =>
        WithAsync(
            host,
            name,
            async (at, function, stop) => await carryOut(at, function, stop) is { } refusal
                ? (Problems.Of(409, ProblemTypes.FunctionConflict, "This does not fit the function, or what it does now") with { Detail = refusal }).Result()
                : TypedResults.Accepted($"/v1/functions/{name}"),
            cancellation);

    private static Task<IResult> WithAsync(
        FunctionHost host, string name, Func<Operator, Function, CancellationToken, Task<IResult>> answer, CancellationToken cancellation) =>
        Operator.AnswerAsync(
            host.Operator,
            (at, stop) => Operator.Find(name) is { } function ? answer(at, function, stop) : Task.FromResult(Unknown.Result()),
            cancellation);

    private static async Task<string?> ChangeAsync(Operator at, Function function, Func<FunctionRow, FunctionRow?> change, CancellationToken cancellation)
    {
        await at.Controls.ChangeAsync(function.Name, change, cancellation);
        return null;
    }

    private static async Task<FunctionDetailBody> DetailAsync(Operator at, Function function, CancellationToken cancellation)
    {
        var report = await FunctionReport.ReadAsync(at, [function], cancellation);
        var live = report.Live(function);
        var partitions = report.Partitions(function);
        var keys = partitions.Select(partition => Troubles.Key(live, function.Name, partition.Partition)).ToList();
        var pages = partitions.SelectMany(partition => HeldDirectory.Keys(live, function.Name, partition.Partition)).ToList();
        var found = await at.Views.ReadManyAsync([.. keys, .. pages], cancellation);
        return new FunctionDetailBody
        {
            Name = function.Name,
            Kind = FunctionReport.Kind(function),
            State = report.State(function),
            LagEvents = partitions.Sum(partition => partition.LagEvents),
            LagSeconds = partitions.Max(partition => partition.LagSeconds),
            HeldAccounts = pages.Where(found.ContainsKey).Sum(page => HeldDirectory.Parse(found[page]).Accounts.Count),
            Partitions = [.. partitions.Zip(keys, (partition, key) =>
                found.TryGetValue(key, out var stored) && JsonSerializer.Deserialize(stored.Value.Span, ProcessorJson.Default.TroubleRow) is { } trouble
                    ? partition with { LastError = trouble.Text, LastErrorAt = trouble.At }
                    : partition)],
            Generations = function is Function.View view ? report.Generations(view) : null,
            Verification = await VerificationOrders.ReadAsync(at, function.Name, cancellation),
        };
    }
}
