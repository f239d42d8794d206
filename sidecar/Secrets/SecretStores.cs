using System.Collections;
using System.Globalization;
using System.Text.Json;
using Grpc.Core;
using Sidecar.Configuration;
using Sidecar.Server;

namespace Sidecar.Secrets;

/// <summary>The secret stores that an app sees: <c>secretstores.local.file</c> and <c>secretstores.local.env</c>.</summary>
internal sealed class SecretStores
{
    private readonly Dictionary<string, Store> _stores = new(StringComparer.Ordinal);

    /// <param name="problems">Gets what keeps a store from being used.</param>
    public SecretStores(IEnumerable<Component> components, ICollection<ComponentException> problems)
    {
        foreach (var component in components)
        {
            try
            {
                if (component.Type == "secretstores.local.env")
                {
                    _stores[component.Name] = FromEnvironment(component.Metadata.GetValueOrDefault("prefix", ""));
                }
                else if (component.Type == "secretstores.local.file")
                {
                    _stores[component.Name] = FromFile(component);
                }
            }
            catch (ComponentException e)
            {
                problems.Add(e);
            }
        }
    }

    /// <summary>The values of one secret by name.</summary>
    /// <exception cref="DaprFault">Unknown store or secret.</exception>
    public IReadOnlyDictionary<string, string> Get(string store, string secret) =>
        Find(store).Get(secret) ?? throw new DaprError(
            "ERR_SECRET_GET",
            $"failed getting secret with key {secret} from secret store {store}: secret {secret} not found",
            StatusCodes.Status500InternalServerError,
            StatusCode.Internal).Fault();

    /// <summary>All secrets, each with its values by name.</summary>
    /// <exception cref="DaprFault">Unknown store.</exception>
    public IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>> GetAll(string store) => Find(store).All();

    /// <summary>The component with its secret references replaced by what they refer to.</summary>
    /// <param name="problems">Gets the references to what does not exist.</param>
    public Component Resolve(Component component, ICollection<ComponentException> problems)
    {
        if (component.Secrets.Count == 0)
        {
            return component;
        }

        if (component.SecretStore is not { } name || !_stores.TryGetValue(name, out var store))
        {
            problems.Add(new ComponentException(
                component, $"its secrets refer to the secret store '{component.SecretStore}', which does not exist for this app"));
            return component;
        }

        var metadata = new Dictionary<string, string>(component.Metadata, StringComparer.OrdinalIgnoreCase);
        foreach (var (entry, reference) in component.Secrets)
        {
            var key = reference.Key.Length > 0 ? reference.Key : reference.Name;
            if (store.Get(reference.Name)?.GetValueOrDefault(key) is { } value)
            {
                metadata[entry] = value;
            }
            else
            {
                problems.Add(new ComponentException(
                    component, $"the secret '{reference.Name}' with key '{key}' of its entry '{entry}' is not in '{name}'"));
            }
        }

        return component with { Metadata = metadata };
    }

    private Store Find(string name) => _stores.Count == 0
        ? throw new DaprError(
            "ERR_SECRET_STORES_NOT_CONFIGURED",
            "secret store is not configured",
            StatusCodes.Status500InternalServerError,
            StatusCode.FailedPrecondition).Fault()
        : _stores.TryGetValue(name, out var store)
            ? store
            : throw new DaprError(
                "ERR_SECRET_STORE_NOT_FOUND",
                $"failed finding secret store with key {name}",
                StatusCodes.Status401Unauthorized,
                StatusCode.InvalidArgument).Fault();

    /// <summary>An unset variable is an empty secret; Dapr's own tokens are never shown.</summary>
    private static Store FromEnvironment(string prefix)
    {
        static bool Allowed(string name) =>
            !name.Equals("APP_API_TOKEN", StringComparison.OrdinalIgnoreCase)
            && !name.StartsWith("DAPR_", StringComparison.OrdinalIgnoreCase)
            && !name.Contains(' ', StringComparison.Ordinal);

        return new Store(
            name => Single(name, Allowed(prefix + name) ? Environment.GetEnvironmentVariable(prefix + name) ?? "" : ""),
            () => Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
                .Select(e => (Name: (string)e.Key, Value: (string?)e.Value ?? ""))
                .Where(e => e.Name.StartsWith(prefix, StringComparison.Ordinal) && Allowed(e.Name))
                .ToDictionary(e => e.Name[prefix.Length..], e => (IReadOnlyDictionary<string, string>)Single(e.Name[prefix.Length..], e.Value)));
    }

    /// <summary>
    /// A JSON file. Nested members become one secret each, with their path as name; with <c>multiValued</c> the members of the
    /// top level are the secrets and what is below them their values.
    /// </summary>
    private static Store FromFile(Component component)
    {
        if (component.Metadata.GetValueOrDefault("secretsFile") is not { Length: > 0 } path)
        {
            throw new ComponentException(component, "the metadata entry 'secretsFile' is missing");
        }

        var separator = component.Metadata.GetValueOrDefault("nestedSeparator") is { Length: > 0 } given ? given : ":";
        var multiValued = component.Metadata.GetValueOrDefault("multiValued") is "true";
        var secrets = new Dictionary<string, IReadOnlyDictionary<string, string>>(StringComparer.Ordinal);
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            foreach (var member in document.RootElement.EnumerateObject())
            {
                var values = new Dictionary<string, string>(StringComparer.Ordinal);
                var nested = member.Value.ValueKind is JsonValueKind.Object or JsonValueKind.Array;
                Flatten(member.Value, nested && multiValued ? "" : member.Name, separator, values);
                if (multiValued)
                {
                    secrets[member.Name] = values;
                    continue;
                }

                foreach (var (name, value) in values)
                {
                    secrets[name] = Single(name, value);
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or InvalidOperationException)
        {
            throw new ComponentException(component, $"its secrets file cannot be read: {e.Message}");
        }

        return new Store(secrets.GetValueOrDefault, () => secrets);
    }

    private static void Flatten(JsonElement value, string name, string separator, Dictionary<string, string> into)
    {
        string Below(string part) => name.Length == 0 ? part : name + separator + part;
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                foreach (var member in value.EnumerateObject())
                {
                    Flatten(member.Value, Below(member.Name), separator, into);
                }

                break;
            case JsonValueKind.Array:
                foreach (var (index, item) in value.EnumerateArray().Index())
                {
                    Flatten(item, Below(index.ToString(CultureInfo.InvariantCulture)), separator, into);
                }

                break;
            default:
                into[name] = value.ToString();
                break;
        }
    }

    private static Dictionary<string, string> Single(string name, string value) =>
        new(StringComparer.Ordinal) { [name] = value };

    private sealed record Store(
        Func<string, IReadOnlyDictionary<string, string>?> Get,
        Func<IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>>> All);
}
