-- depends_on: {{ ref('loaded_objects') }}
{#
    Perseverance's legs say where they begin and end, Curiosity's say only their Length. Properties are read one by one from
    the text of all: length and Length would be one name in a typed parse.
#}
with documents as (
    select * from {{ source('bronze', 'raw_traverse') }}
    where kind = 'traverse' and source = 'mmgis'
),

records as (
    {{ records(
        'documents',
        'features',
        keep={'rover': 'rover'},
        fields={'properties': 'properties', 'geometry': 'geometry'},
    ) }}
),

renamed as (
    select
        rover,
        position,
        properties,
        {{ to_integer(json_text('properties', 'sol')) }} as sol,
        {{ json_text('properties', 'fromRMC') }} as from_rmc,
        {{ json_text('properties', 'toRMC') }} as to_rmc,
        coalesce(
            {{ to_double(json_text('properties', 'length')) }}, {{ to_double(json_text('properties', 'Length')) }}
        ) as length_m,
        {{ to_integer(json_text('properties', 'SCLK_START')) }} as sclk_start,
        geometry
    from records
)

select * from renamed
