namespace Sidecar.Hosting;

/// <summary>Writes what sidecars log to the host's console, one line an entry, prefixed <c>== DAPR - accounts-query == </c>.</summary>
internal sealed class ConsoleLog(HostConsole console) : ILoggerProvider
{
    private const string OfApp = "sidecar.";

    public ILogger CreateLogger(string categoryName) => new Logger(console, categoryName.StartsWith(OfApp, StringComparison.Ordinal) ? categoryName[OfApp.Length..] : categoryName);

    public void Dispose()
    {
    }

    private sealed class Logger(HostConsole console, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            var cause = exception is null ? "" : $" {exception.GetType().Name}: {exception.Message}";
            var text = $"{formatter(state, exception)}{cause}".ReplaceLineEndings(" ");
            console.Line($"== DAPR - {category} == {(logLevel >= LogLevel.Warning ? logLevel.ToString().ToLowerInvariant() + ": " : "")}{text}");
        }
    }
}
