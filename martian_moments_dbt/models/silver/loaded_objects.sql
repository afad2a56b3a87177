{#
    What this build has seen of bronze. Every model that reads bronze comes after it, so that one comparison with the ledger
    shows whether silver and gold are current; by which order of preference it chose the sources; and by which rules its photos
    were read (warehouse/rules.py), nothing where dbt was started by hand.
#}
{% for table in ['raw_manifests', 'raw_photos', 'raw_traverse', 'raw_images'] %}
select
    object_key,
    etag,
    rover,
    kind,
    source,
    sol,
    '{{ preferred_sources() | join(',') }}' as preferred_sources,
    '{{ env_var('MARS_DBT_PHOTO_RULES', '') }}' as photo_rules
from {{ source('bronze', table) }}
{{ 'union all' if not loop.last }}
{% endfor %}
