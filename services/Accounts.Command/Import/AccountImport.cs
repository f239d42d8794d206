using System.Text.Json;
using System.Threading.Channels;
using Accounts.Contracts;
using Accounts.Domain;
using EventLog;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.Net.Http.Headers;
using ServiceDefaults;
using AccountCommandLog = EventLog.CommandLog<Accounts.Domain.Account, Accounts.Domain.AccountCommand, Accounts.Domain.AccountEvent>;

namespace Accounts.Command.Import;

/// <summary>
/// Opens many accounts by one request: a line of the body is an account, and a line of the answer says what became of it.
/// Reading, executing and answering go side by side, so that neither the body nor the answer is ever held in memory.
/// </summary>
internal static class AccountImport
{
    private const string Ndjson = "application/x-ndjson";
    private const string Csv = "text/csv";
    private const int InFlight = 512;
    private static readonly Problem NotTaken = Problems.Of(
        415, ProblemTypes.UnsupportedMediaType, $"The body must be {Ndjson} or {Csv}, in UTF-8 and not compressed");
    private static readonly Problem NotAcceptable = Problems.Of(406, ProblemTypes.NotAcceptable, $"The answer is {Ndjson}, which the request does not accept");

    public static void MapAccountImport(this WebApplication app) => app.MapPost("/v1/accounts/import", ImportAsync)
        .AddEndpointFilter(async (invocation, next) =>
            Negotiation.Accepts(invocation.HttpContext.Request, Ndjson) ? await next(invocation) : NotAcceptable.Result())
        .WithTags("Accounts").WithName("importAccounts").WithSummary("Open many accounts: a line for each, and a line of answer for each")
        .WithDescription("The answer begins while the body is still being sent. Every line is a command of its own, and the same line again gives the same answer: a broken import is just repeated. Lines may have 64 KiB; there may be any number of them.")
        .Accepts<CreateAccountBody>(Ndjson, Csv)
        .Answers<ImportedLine>(200, "A line for each line of the body, in the same order; empty lines have none.", Ndjson)
        .Refuses(400, "The body is CSV and its first line is not userId,accountNumber,defaultAccount.")
        .Refuses(406, "The client does not accept application/x-ndjson.")
        .Refuses(415, "The body is neither application/x-ndjson nor text/csv, or it is compressed.")
        .Refuses(500, "A fault of the service.");

    private static async Task<IResult> ImportAsync(HttpContext context, [FromServices] AccountCommandLog log, [FromServices] CommandMetrics metrics, [FromServices] TimeProvider time)
    {
        var isCsv = IsType(context.Request.ContentType, Csv);
        if ((!isCsv && !IsType(context.Request.ContentType, Ndjson)) || context.Request.Headers.ContentEncoding.Count > 0)
        {
            return NotTaken.Result();
        }

        LiftLimits(context.Features);
        var lines = new LineReader(context.Request.BodyReader);
        if (isCsv && (await lines.NextAsync(context.RequestAborted) is not { } header || !CsvRow.IsHeader(header.Text.Span)))
        {
            return Problems.Invalid("$", $"must begin with the line {CsvRow.Header}").Result();
        }

        return new ImportResult(lines, isCsv, new LineCommands(log, metrics, time));
    }

    private static bool IsType(string? contentType, string expected) =>
        MediaTypeHeaderValue.TryParse(contentType, out var type) && type.MediaType.Equals(expected, StringComparison.OrdinalIgnoreCase)
        && (!type.Charset.HasValue || type.Charset.Value.Trim('"').Equals("utf-8", StringComparison.OrdinalIgnoreCase));

    // The body may have any length and any pace, and the client may read the answer when it likes.
    private static void LiftLimits(IFeatureCollection features)
    {
        features.Get<IHttpMaxRequestBodySizeFeature>()?.MaxRequestBodySize = null;
        features.Get<IHttpMinRequestBodyDataRateFeature>()?.MinDataRate = null;
        features.Get<IHttpMinResponseDataRateFeature>()?.MinDataRate = null;
    }

    private sealed class ImportResult(LineReader lines, bool isCsv, LineCommands commands) : IResult
    {
        public async Task ExecuteAsync(HttpContext httpContext)
        {
            var stopping = httpContext.RequestServices.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
            using var ending = CancellationTokenSource.CreateLinkedTokenSource(httpContext.RequestAborted, stopping);
            using var answers = new AnswerSpool();
            var headers = new CommandHeaders(null, null, httpContext.CorrelationId(), httpContext.CausationId(), CommandHeaders.Trace(httpContext.Request));
            httpContext.Response.ContentType = Ndjson;
            httpContext.Response.Headers.CacheControl = "no-store";
            await httpContext.Response.StartAsync(ending.Token);

            // Bounds the commands under way; what is in it is answered in order.
            var underWay = Channel.CreateBounded<Task<ImportedLine>>(new BoundedChannelOptions(InFlight) { SingleReader = true, SingleWriter = true });
            try
            {
                await Task.WhenAll(
                    EndingAllAsync(() => ExecuteAsync(headers, underWay.Writer, ending.Token)),
                    EndingAllAsync(() => CollectAsync(underWay.Reader, answers, ending.Token)),
                    EndingAllAsync(() => answers.CopyToAsync(httpContext.Response.BodyWriter, ending.Token)));
            }
            catch (OperationCanceledException) when (httpContext.RequestAborted.IsCancellationRequested)
            {
                // The client has gone; what was under way may have been done, and the same lines again tell.
            }
            catch (Exception fault) when (fault is OperationCanceledException or IOException or BadHttpRequestException)
            {
                // The service stops, or the body broke off: an answer that lacks lines must not look whole.
                httpContext.Abort();
            }

            async Task EndingAllAsync(Func<Task> part)
            {
                try
                {
                    await part();
                }
                catch
                {
                    await ending.CancelAsync();
                    throw;
                }
            }
        }

        private async Task ExecuteAsync(CommandHeaders headers, ChannelWriter<Task<ImportedLine>> underWay, CancellationToken cancellation)
        {
            while (await lines.NextAsync(cancellation) is { } line)
            {
                var wrong = new Dictionary<string, string[]>();
                var create = line.IsTooLong ? null : isCsv ? CsvRow.Read(line.Text.Span, wrong) : CommandBodies.ReadCreate(line.Text, wrong);
                var answer = line.IsTooLong ? Task.FromResult(Refused(line.Number, TooLong))
                    : create is null || wrong.Count > 0 ? Task.FromResult(Refused(line.Number, Problems.Invalid(wrong)))
                    : commands.ExecuteAsync(line.Number, create, headers, cancellation);
                await underWay.WriteAsync(answer, cancellation);
            }

            underWay.Complete();
        }

        private static async Task CollectAsync(ChannelReader<Task<ImportedLine>> underWay, AnswerSpool answers, CancellationToken cancellation)
        {
            await foreach (var answer in underWay.ReadAllAsync(cancellation))
            {
                answers.Add(JsonSerializer.SerializeToUtf8Bytes(await answer, ContractsJson.Default.ImportedLine));
            }

            answers.Complete();
        }

        private static ImportedLine Refused(long line, Problem problem) => new() { Line = line, Problem = problem };

        private static Problem TooLong { get; } = Problems.ByStatus(413) with { Title = "The line is too long", Detail = $"At most {LineReader.MostBytes} bytes are taken." };
    }
}
