using Sidecar.Configuration;

namespace Sidecar.Server;

/// <summary>A component cannot be used as its file describes it; the message names the file, the component and the reason.</summary>
internal sealed class ComponentException(Component component, string problem)
    : InvalidOperationException($"{component.File}: component '{component.Name}' ({component.Type}): {problem}.");
