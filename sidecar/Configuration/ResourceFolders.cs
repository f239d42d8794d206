namespace Sidecar.Configuration;

/// <summary>
/// Reads resource folders as Dapr does: every <c>.yaml</c> and <c>.yml</c> file directly in the folder, in the order of
/// their names, with one or more documents. Documents that are not Dapr's, and Dapr's kinds that the embedded sidecar has
/// no use for, are passed over. A folder that several apps share is read once.
/// </summary>
internal sealed class ResourceFolders(Findings findings)
{
    private static readonly string[] Known = ["Component", "Subscription", "Resiliency"];
    private static readonly string[] PassedOver = ["Configuration", "HTTPEndpoint", "MCPServer", "WorkflowAccessPolicy"];

    private readonly Dictionary<string, Documents> _folders = [];

    /// <summary>
    /// What the app sees of its folders; reports what is wrong with that. Files of secrets are looked for from the app's
    /// directory, where Dapr's sidecars work.
    /// </summary>
    public Resources For(string appId, string directory, IReadOnlyList<string> folders)
    {
        var documents = folders.Select(Folder).ToList();
        var components = documents.SelectMany(d => d.Components).Where(c => Sees(appId, c.Value.Scopes)).ToList();
        foreach (var twice in components.GroupBy(c => c.Value.Name).Where(g => g.Count() > 1))
        {
            var first = twice.First().Source.At("metadata");
            twice.Skip(1).ToList().ForEach(c => c.Source.Error("metadata", $"the name is used a second time, after {first}", "Give one of the two another name, or scopes that do not overlap."));
        }

        var actorStores = components.Where(c => c.Value.IsActorStateStore).ToList();
        foreach (var store in actorStores.Skip(1))
        {
            store.Source.Error("spec", $"a second actor state store for app {appId}, after '{actorStores[0].Value.Name}'", "Set actorStateStore on one component only, or narrow the scopes.");
        }

        foreach (var component in components.Where(c => c.Value.SecretStore is { Length: > 0 } && c.Value.Secrets.Count > 0))
        {
            var store = components.Find(c => c.Value.Name == component.Value.SecretStore).Value;
            if (store?.Type.StartsWith("secretstores.", StringComparison.Ordinal) != true)
            {
                component.Source.Error("auth", $"the secret store '{component.Value.SecretStore}' is not known to app {appId}", "Add a component of that name and a type secretstores.…, or correct auth.secretStore.");
            }
        }

        foreach (var resiliency in documents.SelectMany(d => d.Resiliency).Where(r => Sees(appId, r.Value.Scopes)))
        {
            WarnOfNoEffect(resiliency, components);
        }

        var usable = components
            .Where(c => ComponentTypes.Check(c.Value, c.Source, findings))
            .Select(c => WithSecretsFile(c, directory))
            .ToList();
        return new Resources(
            usable,
            [.. documents.SelectMany(d => d.Subscriptions).Where(s => Sees(appId, s.Value.Scopes) && HasBroker(s, appId, components, documents)).Select(s => s.Value)],
            [.. documents.SelectMany(d => d.Resiliency).Where(r => Sees(appId, r.Value.Scopes)).Select(r => r.Value)]);
    }

    private static void WarnOfNoEffect(Document<ResiliencyFile> resiliency, List<Document<Component>> components)
    {
        foreach (var store in components.Where(
            c => c.Value.Type.StartsWith("secretstores.", StringComparison.Ordinal) && resiliency.Value.Outbound.ContainsKey(c.Value.Name)))
        {
            resiliency.Source.Warn("spec", $"the outbound policy of '{store.Value.Name}' has no effect: the embedded sidecar has its secrets at hand");
        }
    }

    /// <summary>
    /// A subscription without scopes meets apps that do not see its broker: for them it is left out. That no app can ever
    /// have it, or that it names such an app, is an error.
    /// </summary>
    private static bool HasBroker(Document<Subscription> subscription, string appId, List<Document<Component>> visible, List<Documents> all)
    {
        var broker = subscription.Value.PubSubName;
        if (visible.Exists(c => IsBroker(c.Value, broker)))
        {
            return true;
        }

        if (subscription.Value.Scopes.Count > 0 || !all.SelectMany(d => d.Components).Any(c => IsBroker(c.Value, broker)))
        {
            subscription.Source.Error("spec", $"the pub/sub component '{broker}' is not known to app {appId}", "Add a component of that name and a type pubsub.…, or correct pubsubname or scopes.");
        }

        return false;
    }

    private static Component WithSecretsFile(Document<Component> document, string directory)
    {
        var component = document.Value;
        if (component.Type != "secretstores.local.file" || directory.Length == 0 || component.Metadata.GetValueOrDefault("secretsFile") is not { } file)
        {
            return component;
        }

        var path = Path.GetFullPath(file, Path.GetFullPath(directory));
        if (!File.Exists(path))
        {
            document.Source.Error("spec", $"the file of secrets '{path}' does not exist", "Correct secretsFile; it is relative to the app's appDirPath.");
        }

        return component with { Metadata = new Dictionary<string, string>(component.Metadata, StringComparer.OrdinalIgnoreCase) { ["secretsFile"] = path } };
    }

    private static bool IsBroker(Component component, string name) =>
        component.Name == name && component.Type.StartsWith("pubsub.", StringComparison.Ordinal);

    private static bool Sees(string appId, IReadOnlyList<string> scopes) => scopes.Count == 0 || scopes.Contains(appId);

    private Documents Folder(string path)
    {
        if (_folders.TryGetValue(path, out var known))
        {
            return known;
        }

        var documents = new Documents([], [], []);
        var files = Directory.EnumerateFiles(path)
            .Where(f => Path.GetExtension(f).ToLowerInvariant() is ".yaml" or ".yml")
            .Order(StringComparer.Ordinal);
        foreach (var document in files.SelectMany(f => YamlText.Read(f, findings)))
        {
            Read(document, documents);
        }

        return _folders[path] = documents;
    }

    private static void Read(Section document, Documents documents)
    {
        var version = document.Text("apiVersion");
        var kind = document.Text("kind");
        switch (version, kind)
        {
            case ("dapr.io/v1alpha1", "Component"):
                if (ComponentDocument.Read(document) is { } component)
                {
                    documents.Components.Add(new(component, document));
                }

                break;
            case ("dapr.io/v1alpha1" or "dapr.io/v2alpha1", "Subscription"):
                if (SubscriptionDocument.Read(document) is { } subscription)
                {
                    documents.Subscriptions.Add(new(subscription, document));
                }

                break;
            case ("dapr.io/v1alpha1", "Resiliency"):
                if (ResiliencyDocument.Read(document) is { } resiliency)
                {
                    documents.Resiliency.Add(new(resiliency, document));
                }

                break;
            default:
                if (version?.StartsWith("dapr.io/", StringComparison.Ordinal) == true && !PassedOver.Contains(kind))
                {
                    document.Warn("kind", Known.Contains(kind) ? $"{kind} has no apiVersion '{version}'; the document is ignored" : $"the kind '{kind}' is not known; the document is ignored");
                }

                break;
        }
    }

    private readonly record struct Document<T>(T Value, Section Source);

    private sealed record Documents(
        List<Document<Component>> Components, List<Document<Subscription>> Subscriptions, List<Document<ResiliencyFile>> Resiliency);
}
