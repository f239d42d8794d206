namespace Sidecar.Hosting;

/// <summary>
/// The host's standard output and error: whole lines only, flushed at once, so that a script behind a pipe can wait for
/// one.
/// </summary>
internal sealed class HostConsole
{
    private readonly Lock _gate = new();

    public void Line(string text = "") => Write(Console.Out, text);

    public void ErrorLine(string text) => Write(Console.Error, text);

    /// <summary>A line that an app wrote, on whichever of its streams; prefixed as <c>dapr run -f</c> does.</summary>
    public void AppLine(string label, string text) => Write(Console.Out, $"== APP - {label} == {text}");

    private void Write(TextWriter writer, string text)
    {
        lock (_gate)
        {
            writer.WriteLine(text);
            writer.Flush();
        }
    }
}
