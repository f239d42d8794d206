using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using Accounts.Contracts;
using Accounts.Processor.Functions;
using EventLog;

namespace Accounts.Processor.Consumers;

/// <summary>Why a command is sent: id of an event or message, of the whole that it is a part of, and of the request that led to it.</summary>
internal sealed record CommandCause(string Id, string CorrelationId, string? TraceParent)
{
    public static CommandCause Of(RecordedEvent recorded) => new(recorded.EventId, recorded.CorrelationId, recorded.TraceParent);
}

/// <summary>Sends commands to the command service until it answers, through the sidecar.</summary>
internal sealed class CommandSender(HttpClient http, Outage outage, ILogger logger)
{
    /// <summary>
    /// Returns when the command is answered. The same command may be sent any number of times: it keeps its key.
    /// </summary>
    /// <exception cref="CommandRefusedException">The command service calls the request wrong, which waiting will not mend.</exception>
    public async Task SendAsync(
        PolicyCommand command, string key, CommandCause cause, CancellationToken stopping, CancellationToken cancellation)
    {
        var patience = outage.Patience();
        while (true)
        {
            try
            {
                using var response = await PostAsync(command, key, cause, cancellation);
                if (IsAnswer(response))
                {
                    outage.Answered();
                    if (!response.IsSuccessStatusCode)
                    {
                        logger.LogWarning(
                            "Command {Command} on account {Account}, because of {Cause}, was answered {Status}",
                            command.Name, command.Account, cause.Id, (int)response.StatusCode);
                    }

                    return;
                }

                if (await IsRefusalAsync(response, cancellation))
                {
                    throw new CommandRefusedException($"Command {command.Name} was answered {(int)response.StatusCode}.");
                }

                outage.Failed(new HttpRequestException($"{(int)response.StatusCode} {response.ReasonPhrase}"));
            }
            catch (Exception failure) when (failure is HttpRequestException or OperationCanceledException && !cancellation.IsCancellationRequested)
            {
                outage.Failed(failure);
            }

            await patience.WaitAsync(stopping);
        }
    }

    private async Task<HttpResponseMessage> PostAsync(PolicyCommand command, string key, CommandCause cause, CancellationToken cancellation)
    {
        // The command belongs to the trace of the request that led to the event, long after that request was answered.
        // Where nobody listens there is no activity of ours, and the parent goes on as it came.
        using var activity = ActivityContext.TryParse(cause.TraceParent, null, isRemote: true, out var parent)
            ? FunctionTracing.Source.StartActivity("policy", ActivityKind.Client, parent) ?? new Activity("policy").SetParentId(cause.TraceParent!).Start()
            : null;
        using var request = new HttpRequestMessage(HttpMethod.Post, Addresses.Command("", command.Account, command.Name))
        {
            Content = JsonContent.Create(new CommandBody { If = command.If }, ContractsJson.Default.CommandBody),
        };
        request.Headers.Add(AccountHeaders.IdempotencyKey, key);
        request.Headers.Add(AccountHeaders.CorrelationId, cause.CorrelationId);
        request.Headers.Add(AccountHeaders.CausationId, cause.Id);
        return await http.SendAsync(request, cancellation);
    }

    /// <summary>The command service has answered, be it that the command is pointless by now. A sidecar's errors are no problems.</summary>
    private static bool IsAnswer(HttpResponseMessage response) => response.IsSuccessStatusCode
        || (response.StatusCode is HttpStatusCode.Conflict or HttpStatusCode.PreconditionFailed or HttpStatusCode.UnprocessableEntity && IsProblem(response));

    /// <summary>
    /// What waiting will not mend, and other accounts must not wait for. Who says that there is no account, although the log has an event
    /// of it, speaks of another log: taken for an answer, the command would be lost without a sound.
    /// </summary>
    private static async Task<bool> IsRefusalAsync(HttpResponseMessage response, CancellationToken cancellation) => response.StatusCode switch
    {
        HttpStatusCode.BadRequest or HttpStatusCode.UnsupportedMediaType or HttpStatusCode.RequestEntityTooLarge => true,
        HttpStatusCode.NotFound => IsProblem(response),
        HttpStatusCode.ServiceUnavailable => IsProblem(response)
            && (await response.Content.ReadFromJsonAsync(ContractsJson.Default.Problem, cancellation))?.Type == ProblemTypes.AccountStopped,
        _ => false,
    };

    private static bool IsProblem(HttpResponseMessage response) => response.Content.Headers.ContentType?.MediaType == MediaTypes.Problem;
}

internal sealed class CommandRefusedException(string message) : Exception(message);
